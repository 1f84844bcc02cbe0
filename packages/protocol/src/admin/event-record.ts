import { type Static, Type } from 'typebox'
import { NodeId, Timestamp } from '../schemas/scalars.ts'
import { NodeHostname } from './node.ts'

/** One line of the event tail of a node. The payload contains no secrets. */
export const EventRecord = Type.Object({
  id: Type.String({ description: 'The SSE id, `<epoch>-<sequence>`' }),
  event_id: Type.String(),
  event_type: Type.String(),
  node_id: NodeId,
  node_hostname: NodeHostname,
  created_at: Timestamp,
  payload_of: Type.Enum(['event', 'now'], {
    description:
      'Whether the payload is that of the event; of state the log keeps none, and this is what the node would be told now',
  }),
  payload: Type.Unknown(),
})
export type EventRecord = Static<typeof EventRecord>
