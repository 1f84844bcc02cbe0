import { parseDuration, type Violation } from '@plexd/protocol'
import type { Command } from 'commander'
import { type Admin, addList } from '../../command.ts'
import { allPages, type Context, examples } from '../../context.ts'
import { durationFlag } from '../../terminal/input.ts'

/** Files on nodes that are not what they should be. */
export function addViolationCommands(program: Command, context: Context): void {
  const violation = program
    .command('violation')
    .description('files on nodes that were not what they should be: binaries of plexd, and hooks')
    .addHelpText('after', examples('plexctl violation list'))

  addList(violation, context, {
    description: 'list them, oldest first',
    flags: (command) => command.option('--since <duration>', 'how far back', durationFlag, '24h'),
    examples: ['plexctl violation list', 'plexctl violation list --since 168h --json'],
    items: (admin: Admin, { since }: { since: string }) => {
      const from = new Date(context.io.clock.now() - parseDuration(since)).toISOString()
      return allPages((page) => admin.listViolations({ query: { ...page, since: from } }))
    },
    columns: [
      ['time', ({ received_at }) => received_at],
      ['node', ({ node_hostname, node_id }) => node_hostname || node_id],
      ['type', ({ record }) => record.type],
      ['what', ({ record }) => record.path],
      ['found', ({ record }) => record.actual_checksum || '-'],
      ['expected', ({ record }) => record.expected_checksum || '-'],
      ['why', whyOf],
    ],
  })
}

function whyOf({ record: { detail } }: Violation): string {
  return detail || '-'
}
