import type { Socket } from 'node:net'
import type { Caller } from '../requests/answer.ts'
import type { BodyRoom } from './body-room.ts'
import type { Connections, Owner } from './connections.ts'

/** Access control of a listener. */
export interface Door {
  /** The owner of a new connection, as far as it is known before the first request. Called once. */
  ownerOf(socket: Socket): Owner
  /** The sender of a request, by its connection or its `Authorization`; undefined if access is denied. */
  identify(socket: Socket, authorization: string | undefined): Caller | undefined
  connections: Connections
  bodies: BodyRoom
}
