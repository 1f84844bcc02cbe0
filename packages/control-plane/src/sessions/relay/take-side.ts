import { ApiError, relayEnds } from '@plexd/protocol'
import type { WebSocket } from 'ws'
import type { StoredSession } from '../../rows/sessions.ts'
import type { Side } from './pair.ts'
import type { Relay } from './relay.ts'

export interface SideTaking {
  relay: Relay
  /** Whom it belongs to has been checked. */
  session: StoredSession
  side: Side
  /** Answers the request; undefined if the caller has gone. */
  accept(): WebSocket | undefined
  /** The session as it is now. */
  read(): Promise<StoredSession | undefined>
}

/** Has a caller take a side of a session; resolves to false if it has gone meanwhile. Throws an ApiError (409) if the session is over or not relayed, or the side is taken. */
export async function takeSide(taking: SideTaking): Promise<boolean> {
  const { relay, session, side, accept, read } = taking
  const { id, state, way, reason } = session
  if (way !== 'relay')
    throw new ApiError('conflict', `session "${id}" is not relayed: its way is ${way}`)
  if (state === 'closed') throw new ApiError('conflict', `session "${id}" has ended: ${reason}`)
  relay.demandFree(session, side)
  const socket = accept()
  if (!socket) return false
  relay.join(session, side, socket)
  // It may have been closed after it was read, and before there was anything to cut.
  const now = await read()
  if (now?.state === 'closed') relay.cut(id, relayEnds.ended)
  return true
}
