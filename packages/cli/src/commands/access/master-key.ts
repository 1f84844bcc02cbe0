import type { Command } from 'commander'
import { type Admin, addCall } from '../../command.ts'
import { type Context, examples } from '../../context.ts'

export function addMasterKeyCommands(program: Command, context: Context): void {
  const key = program
    .command('master-key')
    .description('the key that seals secrets in the database of the control plane')
    .addHelpText('after', examples('plexctl master-key rotate'))

  addCall(key, context, {
    name: 'rotate',
    description: 'seal everything anew under a new key, and destroy the old one',
    examples: ['plexctl master-key rotate'],
    call: (admin: Admin) => admin.rotateMasterKey({}),
    text: ({ sealed_again, key_id }) =>
      `${sealed_again} texts are sealed under master key ${key_id} now; the old key opens backups from before: copy master.key with the next`,
  })
}
