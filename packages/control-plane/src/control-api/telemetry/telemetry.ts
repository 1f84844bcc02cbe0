import { controlApi, type TelemetryKind } from '@plexd/protocol'
import type { Environment, Intake, SideStores } from '../../app.ts'
import { handle } from '../../handle.ts'
import { sourceOf } from '../../telemetry/store.ts'

export const sendMetrics = receiving(controlApi.sendMetrics, 'metrics')
export const sendLogs = receiving(controlApi.sendLogs, 'logs')
export const sendAudit = receiving(controlApi.sendAudit, 'audit')

export const reportDrift = handle(
  controlApi.reportDrift,
  async ({ body, principal }, app: SideStores) => {
    await app.telemetry.append('drift', sourceOf(principal), [JSON.stringify(body)])
    return {}
  },
)

export const reportViolation = handle(
  controlApi.reportViolation,
  async ({ body, principal }, app: SideStores & Environment) => {
    await app.telemetry.append('violations', sourceOf(principal), [JSON.stringify(body)])
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
  return handle(operation, async ({ body, principal }, app: Intake & SideStores & Environment) => {
    const {
      parser,
      telemetry,
      budgets,
      metrics,
      config: { limits },
    } = app
    budgets.telemetry.demand(principal.id)
    const bytes: Uint8Array = body ?? new Uint8Array()
    // Transferred to the parser thread, the bytes are gone afterwards.
    const { length } = bytes
    // Charged before parsing: reading an invalid batch costs as much.
    budgets.telemetry.charge(principal.id, { bytes: length })
    const chargeRecords = (records: number): void =>
      budgets.telemetry.charge(principal.id, { records })
    const { records, dropped } = await parser.parse(kind, bytes).catch((error: unknown) => {
      chargeRecords(Math.min(length / minRecordBytes, limits.telemetry_batch_records))
      throw error
    })
    chargeRecords(records.length + dropped)
    await telemetry.append(kind, sourceOf(principal), records)
    metrics.telemetry(kind, { accepted: records.length, dropped })
    return { accepted: records.length, dropped }
  })
}
