import { type Admin, list, noun } from '../../command.ts'

interface ListFlags {
  set?: boolean
}

export const settingsCommands = noun(
  { name: 'settings', description: 'how the control plane is set up' },
  list({
    description: 'list the settings and limits that are in force, and where each is from',
    flags: (command) => command.option('--set', 'only those that are set somewhere'),
    examples: ['plexctl settings list --set', 'plexctl settings list --json'],
    items: async (admin: Admin, { set }: ListFlags) =>
      (await admin.listSettings({})).body.items.filter(
        ({ source }) => !set || source !== 'default',
      ),
    columns: [
      ['setting', ({ name }) => name],
      'value',
      ['from', ({ source }) => source],
      [
        'changes with',
        ({ reloads, waits_for_restart: waits }) =>
          waits ? 'a restart, which it waits for' : reloads ? 'a reload' : 'a restart',
      ],
    ],
  }),
)
