import { ApiError, controlApi } from '@plexd/protocol'
import type { RelayAccess, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readSession } from '../../rows/sessions.ts'
import { takeSide } from '../../sessions/relay/take-side.ts'

/** The node's side of a relayed session. */
export const relaySession = handle(
  controlApi.relaySession,
  async ({ principal, params: { session_id }, reply }, app: State & RelayAccess) => {
    const read = () => readSession(app.store.reader, session_id)
    const session = await read()
    if (session?.node_id !== principal.id)
      throw new ApiError('not_found', `there is no session "${session_id}" of this node`)
    const accept = () => app.upgrader.accept(reply)
    await takeSide({ relay: app.relay, session, side: 'node', accept, read })
    return undefined
  },
)
