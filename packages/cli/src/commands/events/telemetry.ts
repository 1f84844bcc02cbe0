import { parseDuration, type TelemetryRecord } from '@plexd/protocol'
import { jsonText, printable, printJson } from '@plexd/runtime'
import { Argument } from 'commander'
import { custom, nodeArgument, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { countFlag, durationFlag } from '../../terminal/input.ts'

const kinds = ['metrics', 'logs', 'audit', 'drift', 'violations'] as const

export const telemetryCommands = noun(
  { name: 'telemetry', description: 'what nodes sent about themselves' },
  custom({
    name: 'list',
    description: 'list what a node sent, oldest first; a line for each record',
    args: [nodeArgument],
    flags: (command) =>
      command
        .addArgument(new Argument('<kind>').choices(kinds))
        .option('--since <duration>', 'how far back', durationFlag, '1h')
        .option('--limit <count>', 'stop after so many', countFlag),
    examples: [
      'plexctl telemetry list web-01 logs',
      'plexctl telemetry list web-01 drift --since 24h --json',
    ],
    run: listTelemetry,
  }),
)

async function listTelemetry(
  { io, connect }: Context,
  node: string,
  kind: string,
  { since, limit, json }: ListFlags,
): Promise<void> {
  const from = new Date(io.clock.now() - parseDuration(since)).toISOString()
  const { admin } = await connect()
  const records = await allPages(
    (page) => admin.listTelemetry({ params: { node, kind }, query: { ...page, since: from } }),
    limit,
  )
  if (json) return printJson(records, io.stdout)
  for (const record of records) io.stdout.write(`${printable(formatRecord(record, kind))}\n`)
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
