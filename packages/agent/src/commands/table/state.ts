import { Argument } from 'commander'
import { withSocket } from './forms.ts'
import type { CommandRow } from './row.ts'

const stateCommands: Record<string, CommandRow> = {
  get: {
    description: 'Read one entry, or list the keys',
    form: (command) =>
      withSocket(command)
        .addArgument(kind(['metadata', 'data', 'secret', 'report']))
        .argument('[key]', 'slashes belong to the key'),
    load: async () => (await import('../local/state.ts')).getEntry,
  },
  report: {
    description: 'Write a report entry',
    form: (command) =>
      withSocket(command)
        .argument('<key>')
        .requiredOption('--data <json>', 'the payload; "-" reads it from stdin')
        .option('--content-type <type>', 'what the payload is', 'application/json')
        .option('--if-match <version>', 'only over this version; 0: only if there is none'),
    load: async () => (await import('../local/state.ts')).putReport,
  },
  delete: {
    description: 'Delete a report entry',
    form: (command) =>
      withSocket(command)
        .addArgument(kind(['report']))
        .argument('<key>'),
    load: async () => (await import('../local/state.ts')).deleteReport,
  },
}

function kind(kinds: readonly string[]): Argument {
  return new Argument('<kind>', `one of ${kinds.join(', ')}`).choices(kinds)
}

/** What the node holds. */
export const state: CommandRow = {
  description: 'Show what the node holds: metadata, data, secrets, reports',
  form: withSocket,
  examples: [
    ['plexd state', 'all keys'],
    ['plexd state get data nginx.conf', 'one entry, as it is'],
    ['plexd state get secret db/password', 'needs root or the group plexd-secrets'],
    [`plexd state report health --data '{"status":"ok"}'`, 'write a report entry'],
    ['plexd state delete report health', 'delete it'],
  ],
  load: async () => (await import('../local/state.ts')).showState,
  subcommands: stateCommands,
}
