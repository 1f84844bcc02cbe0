import { withSocket } from './forms.ts'
import type { CommandRow } from './row.ts'

/** What the node sends of its logs and its audit. */
export const telemetryCommands: Record<string, CommandRow> = {
  'log-status': {
    description: 'Show which logs this node sends, what waits, and what was lost',
    form: withSocket,
    examples: [
      ['plexd log-status', 'for people'],
      [`plexd log-status --json | jq '.sources[] | select(.state != "running")'`, 'for scripts'],
    ],
    load: async () => (await import('../local/telemetry.ts')).showLogStatus,
  },
  audit: {
    description: 'Show which audit records this node sends, what waits, and what was lost',
    form: withSocket,
    examples: [
      ['plexd audit', 'for people'],
      ['plexd audit status --json | jq .lag_seconds', 'for scripts'],
    ],
    load: async () => (await import('../local/telemetry.ts')).showAuditStatus,
    subcommands: {
      status: {
        description: 'The same',
        form: withSocket,
        load: async () => (await import('../local/telemetry.ts')).showAuditStatus,
      },
    },
  },
}
