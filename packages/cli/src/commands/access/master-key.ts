import { type Admin, call, noun } from '../../command.ts'

export const masterKeyCommands = noun(
  {
    name: 'master-key',
    description: 'the key that seals secrets in the database of the control plane',
  },
  call({
    name: 'rotate',
    description: 'seal everything anew under a new key, and destroy the old one',
    examples: ['plexctl master-key rotate'],
    call: (admin: Admin) => admin.rotateMasterKey({}),
    text: ({ sealed_again, key_id }) =>
      `${sealed_again} texts are sealed under master key ${key_id} now; the old key opens backups from before: copy master.key with the next`,
  }),
)
