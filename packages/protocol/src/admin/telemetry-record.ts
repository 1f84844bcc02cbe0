import { type Static, Type } from 'typebox'
import { NodeId, nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'
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

/** What did not go to a reader that was too slow, or away for too long. */
export const Skipped = Type.Object({
  skipped: Type.Object({
    count: nullable(WholeNumber, { description: 'Null where nobody has counted them' }),
    since: Timestamp,
    until: Timestamp,
  }),
})
export type Skipped = Static<typeof Skipped>

/** Of an event stream: a record, or what stands for those that are left out. Ask for these by their time. */
export const FollowedRecord = Type.Union([TelemetryRecord, Skipped])
export type FollowedRecord = Static<typeof FollowedRecord>
