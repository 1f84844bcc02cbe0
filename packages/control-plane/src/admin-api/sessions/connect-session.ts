import { ApiError, adminApi } from '@plexd/protocol'
import type { RelayAccess, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { takeSide } from '../../sessions/relay/take-side.ts'
import { findSession } from './sessions.ts'

/** The operator's side of a relayed session: for the one who opened it, once. */
export const connectSession = handle(
  adminApi.connectSession,
  async ({ principal, params, reply }, app: State & RelayAccess) => {
    const read = () => findSession(app.store.reader, principal, params.session)
    const session = await read()
    if (session.operator_id !== principal.id)
      throw new ApiError('forbidden', `session "${session.id}" was opened by another operator`)
    const accept = () => app.upgrader.accept(reply)
    await takeSide({ relay: app.relay, session, side: 'client', accept, read })
    return undefined
  },
)
