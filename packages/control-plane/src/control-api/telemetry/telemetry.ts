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
import type { NodeRecord } from '../../mesh/fleet.ts'
import { NothingChanged } from '../../store/nothing-changed.ts'
import type { Batch } from '../../telemetry/packs/batch.ts'
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

type Needs = Intake & SideStores & Environment

/** Stores a node's batch. Accepted records are durable. */
function receiving(
  operation:
    | typeof controlApi.sendMetrics
    | typeof controlApi.sendLogs
    | typeof controlApi.sendAudit,
  kind: TelemetryKind,
) {
  return handle(operation, async ({ body, principal, headers }, app: Needs) => {
    const charge = demandBudget(app, principal)
    const position = positionOf(headers[batchPositionHeader])
    const batch = await parse(app, { kind, bytes: body ?? new Uint8Array(), charge })
    const { packs, dropped, refusals } = batch
    if (position) requireCount(position, batch.count + dropped)
    const { duplicates } = await app.telemetry
      .append({ kind, source: sourceOf(principal), packs, position })
      .catch(refuseOnFullDisk)
    const accepted = batch.count - duplicates
    app.metrics.telemetry(kind, { accepted, dropped, duplicates })
    return {
      accepted,
      dropped,
      ...(position && { duplicates }),
      ...(dropped > 0 && { refusals }),
    }
  })
}

type Charge = (taken: { bytes: number } | { records: number }) => void

/** Throws an ApiError (429) if the node or its tenant is over its budget. */
function demandBudget({ budgets }: Needs, { id, tenant_id }: NodeRecord): Charge {
  budgets.telemetry.demand(id)
  budgets.tenantTelemetry.demand(tenant_id)
  return (taken) => {
    budgets.telemetry.charge(id, taken)
    budgets.tenantTelemetry.charge(tenant_id, taken)
  }
}

/** The number of records of a refused batch is unknown, so the maximum is charged. */
const minRecordBytes = 2

async function parse(
  { parser, config: { limits } }: Needs,
  { kind, bytes, charge }: { kind: TelemetryKind; bytes: Uint8Array; charge: Charge },
): Promise<Batch> {
  // Transferred to the parser thread, the bytes are gone afterwards.
  const { length } = bytes
  // Charged before parsing: reading an invalid batch costs as much.
  charge({ bytes: length })
  const batch = await parser.parse(kind, bytes).catch((error: unknown) => {
    charge({ records: Math.min(length / minRecordBytes, limits.telemetry_batch_records) })
    throw error
  })
  charge({ records: batch.count + batch.dropped })
  return batch
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

function requireCount(position: BatchPosition, count: number): void {
  if (position.count !== count)
    throw new ApiError(
      'bad_request',
      `header "${batchPositionHeader}" says that the batch has ${position.count} records: it has ${count}`,
    )
}

/** As the specification says it of batches (wire contract 2.14-16), and because other requests may well be answered. */
function refuseOnFullDisk(error: unknown): never {
  if (!(error instanceof NothingChanged)) throw error
  const { message, retryAfterSeconds = 30 } = error
  throw new ApiError('too_many_requests', message, { cause: error, retryAfterSeconds })
}
