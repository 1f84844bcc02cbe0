import { AlertState } from '@plexd/protocol'
import { Option } from 'commander'
import { type Admin, list, noun } from '../../command.ts'
import { allPages } from '../../context.ts'
import { countFlag } from '../../terminal/input.ts'
import { age, ageOf } from '../../terminal/output.ts'
import { ruleCommands } from './rules.ts'
import { silenceCommand, silenceCommands } from './silences.ts'
import { webhookCommands } from './webhooks.ts'

interface ListFlags {
  state?: AlertState
  rule?: string
  node?: string
  limit?: number
}

/** `2025-01-15 10:30Z`. */
function atMinute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')}Z`
}

export const alertCommands = noun(
  { name: 'alerts', description: 'what is wrong with nodes, and who is told' },
  list({
    description: 'list alerts, newest first',
    flags: (command) =>
      command
        .addOption(new Option('--state <state>', 'only those in it').choices(AlertState.enum))
        .option('--rule <name>', 'only those of a rule')
        .option('--node <node>', 'only those of a node, by id or hostname')
        .option('--limit <count>', 'no more than that (default 100)', countFlag),
    examples: ['plexctl alerts list --state firing', 'plexctl alerts list --node web-01 --json'],
    items: (admin: Admin, { limit = 100, state, rule, node }: ListFlags) =>
      allPages((page) => admin.listAlerts({ query: { ...page, state, rule, node } }), limit),
    columns: [
      'state',
      'severity',
      'rule',
      ['node', ({ node, node_id }) => node || node_id],
      ['since', ({ since }, io) => ageOf(since, io)],
      age('resolved_at'),
      ['silenced until', ({ silenced_until: until = null }) => (until ? atMinute(until) : '-')],
      ['what', ({ summary }) => summary],
    ],
  }),
  ruleCommands,
  silenceCommand,
  silenceCommands,
  webhookCommands,
)
