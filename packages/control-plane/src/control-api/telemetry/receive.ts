import type { BatchResponse, TelemetryKind } from '@plexd/protocol'
import type { Environment, Intake, SideStores } from '../../app.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'

/** The number of records of a refused batch is unknown, so the maximum is charged. */
const minRecordBytes = 2

/** Stores a node's batch. Accepted records are durable. */
export async function receiveBatch(
  { parser, telemetry, budgets, metrics, config: { limits } }: Intake & SideStores & Environment,
  kind: TelemetryKind,
  { body, principal }: { body: Uint8Array | undefined; principal: NodeRecord },
): Promise<BatchResponse> {
  budgets.telemetry.demand(principal.id)
  const bytes = body ?? new Uint8Array()
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
  const source = { tenant_id: principal.tenant_id, node_id: principal.id }
  await telemetry.append(kind, source, records)
  metrics.telemetry(kind, { accepted: records.length, dropped })
  return { accepted: records.length, dropped }
}
