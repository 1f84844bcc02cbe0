import type { Socket } from 'node:net'
import type { Caller } from '../answers/answer.ts'
import type { BodyRoom } from './body-room.ts'
import type { Connections, Owner } from './connections.ts'

/** Says who sent a request by its connection or its `Authorization`; undefined when nobody who may. */
export type Identify = (socket: Socket, authorization: string | undefined) => Caller | undefined

/** Who may come in at a listener. */
export interface Door {
  /** Whose connection it is, as far as can be told before a request: asked once, when it comes. */
  ownerOf(socket: Socket): Owner
  identify: Identify
  connections: Connections
  bodies: BodyRoom
}
