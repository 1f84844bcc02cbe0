import { parseDuration, type TelemetryRecord } from '@plexd/protocol'
import { jsonText, printable, printJson } from '@plexd/runtime'
import { Argument, type Command } from 'commander'
import { allPages, type Context, examples, jsonHelp } from '../../context.ts'
import { countFlag, durationFlag } from '../../terminal/input.ts'

const kinds = ['metrics', 'logs', 'audit', 'drift', 'violations'] as const

export function addTelemetryCommands(program: Command, { io, connect }: Context): void {
  const telemetry = program
    .command('telemetry')
    .description('what nodes sent about themselves')
    .addHelpText('after', examples('plexctl telemetry list web-01 logs'))

  telemetry
    .command('list')
    .description('list what a node sent, oldest first; a line for each record')
    .argument('<node>', 'id or hostname')
    .addArgument(new Argument('<kind>').choices(kinds))
    .option('--since <duration>', 'how far back', durationFlag, '1h')
    .option('--limit <count>', 'stop after so many', countFlag)
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl telemetry list web-01 logs',
        'plexctl telemetry list web-01 drift --since 24h --json',
      ),
    )
    .action(async (node: string, kind: string, { since, limit, json }: ListFlags) => {
      const sinceMs = io.clock.now() - parseDuration(since)
      const { admin } = await connect()
      const records = await allPages(
        (page) =>
          admin.listTelemetry({
            params: { node, kind },
            query: { ...page, since: new Date(sinceMs).toISOString() },
          }),
        limit,
      )
      if (json) return printJson(records, io.stdout)
      for (const record of records) io.stdout.write(`${printable(formatRecord(record, kind))}\n`)
    })
}

interface ListFlags {
  since: string
  limit?: number
  json?: boolean
}

/** A log record as journalctl shows it, anything else as JSON. */
function formatRecord({ received_at, record }: TelemetryRecord, kind: string): string {
  if (kind !== 'logs' || typeof record !== 'object' || record === null) {
    return `${received_at}  ${jsonText(record)}`
  }
  const { timestamp, severity, unit, message } = record as Record<string, unknown> // as the node wrote it
  const origin = [unit, severity].filter(Boolean).join(' ')
  return `${timestamp ?? received_at}  ${origin}: ${message ?? jsonText(record)}`
}
