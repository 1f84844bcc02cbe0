import type { Command } from 'commander'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'

export function addMasterKeyCommands(program: Command, { io, connect }: Context): void {
  const key = program
    .command('master-key')
    .description('the key that seals secrets in the database of the control plane')
    .addHelpText('after', examples('plexctl master-key rotate'))

  key
    .command('rotate')
    .description('seal everything anew under a new key, and destroy the old one')
    .option('--json', jsonHelp)
    .addHelpText('after', examples('plexctl master-key rotate'))
    .action(async ({ json }: { json?: boolean }) => {
      const { admin } = await connect()
      const { body } = await admin.rotateMasterKey({})
      printDone(io, body, {
        json,
        text: `${body.sealed_again} texts are sealed under master key ${body.key_id} now; the old key opens backups from before: copy master.key with the next`,
      })
    })
}
