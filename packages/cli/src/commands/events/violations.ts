import { parseDuration, type Violation } from '@plexd/protocol'
import { custom, type JsonFlag, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'
import { type Columns, printList } from '../../terminal/output.ts'

/** Files on nodes that are not what they should be. */
export const violationCommands = noun(
  {
    name: 'violation',
    description: 'files on nodes that were not what they should be: binaries of plexd, and hooks',
  },
  custom({
    name: 'list',
    description: 'list them, oldest first',
    flags: (command) => command.option('--since <duration>', 'how far back', durationFlag, '24h'),
    examples: ['plexctl violation list', 'plexctl violation list --since 168h --json'],
    async run({ io, connect }: Context, { since, json }: JsonFlag & { since: string }) {
      const { admin } = await connect()
      const from = new Date(io.clock.now() - parseDuration(since)).toISOString()
      const items = await allPages((page) =>
        admin.listViolations({ query: { ...page, since: from } }),
      )
      printList(io, items, { json, columns })
    },
  }),
)

const columns: Columns<Violation> = [
  ['time', ({ received_at }) => received_at],
  ['node', ({ node_hostname, node_id }) => node_hostname || node_id],
  ['type', ({ record }) => record.type],
  ['what', ({ record }) => record.path],
  ['found', ({ record }) => record.actual_checksum || '-'],
  ['expected', ({ record }) => record.expected_checksum || '-'],
  ['why', ({ record }) => record.detail || '-'],
]
