import { type Static, Type } from 'typebox'
import { Timestamp, WholeNumber } from '../schemas/scalars.ts'

export const TunnelReady = Type.Object({
  listen_addr: Type.String(),
  timestamp: Type.Optional(Timestamp),
})
export const TunnelClosed = Type.Object({
  reason: Type.Optional(Type.String()),
  duration: Type.Optional(Type.String()),
  timestamp: Type.Optional(Timestamp),
  // Our extensions, by our agent.
  detail: Type.Optional(Type.String({ maxLength: 1_024 })),
  bytes_in: Type.Optional(WholeNumber),
  bytes_out: Type.Optional(WholeNumber),
  recording_chunks: Type.Optional(WholeNumber),
})
export type TunnelClosed = Static<typeof TunnelClosed>
