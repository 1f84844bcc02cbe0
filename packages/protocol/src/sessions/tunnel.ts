import { type Static, Type } from 'typebox'
import { Count, Timestamp } from '../schemas/scalars.ts'

export const TunnelReady = Type.Object({
  listen_addr: Type.String(),
  timestamp: Type.Optional(Timestamp),
})
export const TunnelClosed = Type.Object({
  reason: Type.Optional(Type.String()),
  duration: Type.Optional(Type.String({ examples: ['1h2m3s'] })),
  timestamp: Type.Optional(Timestamp),
  // Our extensions, by our agent.
  detail: Type.Optional(Type.String({ maxLength: 1_024 })),
  bytes_in: Type.Optional(Count),
  bytes_out: Type.Optional(Count),
  recording_chunks: Type.Optional(Count),
})
export type TunnelClosed = Static<typeof TunnelClosed>
