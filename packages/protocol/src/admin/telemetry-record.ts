import { type Static, Type } from 'typebox'
import { NodeId, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { IntegrityViolation } from '../telemetry/records.ts'
import { NodeHostname } from './node.ts'

/** A telemetry record as it was stored. */
export const TelemetryRecord = Type.Object({
  id: WholeNumber,
  node_id: NodeId,
  node_hostname: NodeHostname,
  received_at: Timestamp,
  record: Type.Unknown(),
})
export type TelemetryRecord = Static<typeof TelemetryRecord>

/** A file on a node that is not what it should be: found by the node, or its binary by the control plane. */
export const Violation = Type.Object({
  id: WholeNumber,
  node_id: NodeId,
  node_hostname: NodeHostname,
  received_at: Timestamp,
  record: IntegrityViolation,
})
export type Violation = Static<typeof Violation>
