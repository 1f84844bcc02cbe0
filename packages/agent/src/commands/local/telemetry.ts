import type { TelemetryKind, TelemetryStatus } from '@plexd/protocol'
import { CliError, formatTable, printable } from '@plexd/runtime'
import { show } from './local.ts'

export const showLogStatus = showKind('logs')
export const showAuditStatus = showKind('audit')

function showKind(kind: TelemetryKind): ReturnType<typeof show> {
  return show(
    `read the status of ${kind}`,
    async (client) => {
      const { telemetry, problems } = (await client.getStatus({})).body
      const body = telemetry?.find((status) => status.kind === kind)
      if (body) return { body }
      const why = problems[0] ?? 'the node is not registered yet'
      throw new CliError(`read the status of ${kind}: ${why}: "plexd status" tells more`)
    },
    formatTelemetry,
  )
}

const recordsOf: Readonly<Record<TelemetryKind, string>> = {
  metrics: 'metrics',
  logs: 'logs',
  audit: 'audit records',
}

/** For people: one fact per line, then where records come from. */
export function formatTelemetry(status: TelemetryStatus, nowMs: number): string {
  const { enabled, reason, records, bytes, max_bytes, lag_seconds } = status
  if (!enabled) return `${printable(`${recordsOf[status.kind]} are not sent: ${reason}`)}\n`
  const facts: [string, string][] = [
    ['waiting', `${records} records, ${bytes} of ${max_bytes} bytes`],
    ['behind', `${lag_seconds} s`],
    ['sent', `${status.sent} since the start, ${ago(status.last_sent_at, nowMs)}`],
    ['dropped', describeLoss(status)],
    ['last error', status.last_error || 'none'],
  ]
  const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${printable(value)}\n`)
  return `${lines.join('')}${formatSources(status.sources)}`
}

function describeLoss({ dropped, refused, last_loss }: TelemetryStatus): string {
  const why = last_loss === '' ? '' : `, the last because: ${last_loss}`
  return `${dropped} here, ${refused} by the control plane${why}`
}

function formatSources(sources: TelemetryStatus['sources']): string {
  if (sources.length === 0) return 'sources:    none\n'
  return `\n${formatTable(
    ['source', 'state', 'detail'],
    sources.map(({ name, state, detail }) => [name, state, detail]),
  )}`
}

function ago(time: string | null, nowMs: number): string {
  if (time === null) return 'never'
  return `last ${Math.max(0, Math.round((nowMs - Date.parse(time)) / 1_000))} s ago`
}
