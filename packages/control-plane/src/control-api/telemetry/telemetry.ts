import {
  ApiError,
  type BatchPosition,
  batchPositionHeader,
  controlApi,
  parseBatchPosition,
  type TelemetryKind,
} from '@plexd/protocol'
import type { Environment, Intake, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'
import { sourceOf } from '../../telemetry/store.ts'

export const sendMetrics = receiving(controlApi.sendMetrics, 'metrics')
export const sendLogs = receiving(controlApi.sendLogs, 'logs')
export const sendAudit = receiving(controlApi.sendAudit, 'audit')

export const reportDrift = handle(
  controlApi.reportDrift,
  async ({ body, principal }, app: SideStores) => {
    await app.telemetry.append({
      kind: 'drift',
      source: sourceOf(principal),
      records: [JSON.stringify(body)],
    })
    return {}
  },
)

export const reportViolation = handle(
  controlApi.reportViolation,
  async ({ body, principal }, app: SideStores & Environment) => {
    await app.telemetry.append({
      kind: 'violations',
      source: sourceOf(principal),
      records: [JSON.stringify(body)],
    })
    const { type, path, actual_checksum } = body
    app.metrics.violation(type)
    const { id: node_id, hostname } = principal
    app.log.warn('integrity violation', { node_id, hostname, type, path, actual_checksum })
    return {}
  },
)

/** The number of records of a refused batch is unknown, so the maximum is charged. */
const minRecordBytes = 2

/** Stores a node's batch. Accepted records are durable. */
function receiving(
  operation:
    | typeof controlApi.sendMetrics
    | typeof controlApi.sendLogs
    | typeof controlApi.sendAudit,
  kind: TelemetryKind,
) {
  return handle(
    operation,
    async ({ body, principal, headers }, app: Intake & SideStores & Environment) => {
      const {
        parser,
        telemetry,
        budgets,
        metrics,
        config: { limits },
      } = app
      budgets.telemetry.demand(principal.id)
      const position = positionOf(headers[batchPositionHeader])
      const bytes: Uint8Array = body ?? new Uint8Array()
      // Transferred to the parser thread, the bytes are gone afterwards.
      const { length } = bytes
      // Charged before parsing: reading an invalid batch costs as much.
      budgets.telemetry.charge(principal.id, { bytes: length })
      const chargeRecords = (records: number): void =>
        budgets.telemetry.charge(principal.id, { records })
      const batch = await parser.parse(kind, bytes).catch((error: unknown) => {
        chargeRecords(Math.min(length / minRecordBytes, limits.telemetry_batch_records))
        throw error
      })
      const { records, places, dropped, refusals } = batch
      const count = records.length + dropped
      chargeRecords(count)
      if (position && position.count !== count)
        throw new ApiError(
          'bad_request',
          `header "${batchPositionHeader}" says that the batch has ${position.count} records: it has ${count}`,
        )
      const source = sourceOf(principal)
      const { duplicates } = await telemetry.append({ kind, source, records, position, places })
      const accepted = records.length - duplicates
      metrics.telemetry(kind, { accepted, dropped, duplicates })
      return {
        accepted,
        dropped,
        ...(position && { duplicates }),
        ...(dropped > 0 && { refusals }),
      }
    },
  )
}

function positionOf(header: string | string[] | undefined): BatchPosition | undefined {
  if (header === undefined) return undefined
  const position = parseBatchPosition(String(header))
  if (!position)
    throw new ApiError(
      'bad_request',
      `header "${batchPositionHeader}": "${String(header).slice(0, 64)}" is not of the form EPOCH FIRST COUNT`,
    )
  return position
}
