import { type Static, Type } from 'typebox'
import { Timestamp } from '../../schemas/scalars.ts'

export const ControlPlaneState = Type.Enum(['serving', 'waiting', 'stopping'], {
  description: 'One serves from a database; others wait for its end',
})
export type ControlPlaneState = Static<typeof ControlPlaneState>

/** One of the processes of an installation. */
export const ControlPlaneView = Type.Object({
  id: Type.String({ description: 'Of this run, as each of its answers names it' }),
  machine: Type.String(),
  pid: Type.Integer({ minimum: 1 }),
  version: Type.String(),
  state: ControlPlaneState,
  since: Timestamp,
  address: Type.String({
    description: 'HOST:PORT at which the others reach it; empty until it listens',
  }),
  stun_servers: Type.Array(Type.String(), {
    description: 'HOST:PORT of its STUN servers, as its settings name them for nodes',
  }),
  streams: Type.Integer({ minimum: 0, description: 'Open event streams of nodes' }),
  /** When it was last heard of: one that was killed is shown for a minute. */
  seen_at: Timestamp,
})
export type ControlPlaneView = Static<typeof ControlPlaneView>
