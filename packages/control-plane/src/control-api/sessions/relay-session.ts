import { ApiError, controlApi } from '@plexd/protocol'
import type { RelayAccess } from '../../app.ts'
import { handle } from '../../handle.ts'

/** The node's side of a relayed session. */
export const relaySession = handle(
  controlApi.relaySession,
  async ({ principal, params: { session_id }, reply }, app: RelayAccess) => {
    const session = await app.relayedSession(session_id)
    if (session?.node_id !== principal.id)
      throw new ApiError('not_found', `unknown session "${session_id}"`)
    app.relay.demandFree(session, 'node')
    const socket = app.upgrader.accept(reply)
    if (socket) app.relay.join(session, 'node', socket)
    return undefined
  },
)
