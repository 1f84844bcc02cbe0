import { ApiError, controlApi } from '@plexd/protocol'
import type { Environment, Intake, RelayAccess, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { readSession, type StoredSession } from '../../rows/sessions.ts'
import { takeSide } from '../../sessions/relay/take-side.ts'
import { putOnRecord, refuseClaim, type Told } from './on-record.ts'

type Place = State & RelayAccess & SideStores & Intake & Environment

/** The node's side of a relayed session. */
export const relaySession = handle(
  controlApi.relaySession,
  async ({ principal, params: { session_id }, reply }, app: Place) => {
    const read = () => readSession(app.store.reader, session_id)
    const session = await sessionOf(app, principal, session_id)
    const accept = () => app.upgrader.accept(reply)
    try {
      await takeSide({ relay: app.relay, session, side: 'node', accept, read })
    } catch (error) {
      if (error instanceof ApiError && error.status === 409)
        await refused(app, { session_id, principal, body: { why: error.message }, action: 'relay' })
      throw error
    }
    return undefined
  },
)

/** Throws an ApiError (404) for a session of another node, which is on record. */
async function sessionOf(
  app: Place,
  principal: NodeRecord,
  session_id: string,
): Promise<StoredSession> {
  const session = await readSession(app.store.reader, session_id)
  if (!session) throw new ApiError('not_found', `there is no session "${session_id}" of this node`)
  if (session.node_id === principal.id) return session
  chargeRecord(app, principal)
  return refuseClaim(app, { session_id, principal, body: {}, action: 'relay' })
}

/** Puts it on record that a node does not get its side. Throws an ApiError (429) if it asks too often. */
async function refused(app: Place, told: Told): Promise<void> {
  chargeRecord(app, told.principal)
  await putOnRecord(app, told, { result: 'denied' })
}

/** A write, which those that ask for a WebSocket otherwise are not. */
function chargeRecord({ budgets }: Place, { id }: NodeRecord): void {
  budgets.writes.demand(id)
  budgets.writes.charge(id, { records: 1 })
}
