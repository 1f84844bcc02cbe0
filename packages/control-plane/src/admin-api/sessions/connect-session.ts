import { ApiError, adminApi } from '@plexd/protocol'
import type { RelayAccess, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'

/** The operator's side of a relayed session: for the one who opened it, once. */
export const connectSession = handle(
  adminApi.connectSession,
  async ({ principal, params: { session: id }, reply }, app: RelayAccess & Waiters) => {
    const session = await app.relayedSession(id)
    if (session?.tenant_id !== principal.tenant_id)
      throw new ApiError('not_found', `unknown session "${id}"`)
    if (session.operator_id !== principal.id)
      throw new ApiError('forbidden', `session "${id}" was opened by another operator`)
    const ended = app.operatorEnds.signalOf(principal)
    ended.throwIfAborted()
    app.relay.demandFree(session, 'client')
    const socket = app.upgrader.accept(reply)
    if (socket) app.relay.join(session, 'client', socket, ended)
    return undefined
  },
)
