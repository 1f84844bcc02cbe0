import { ApiError, type AuditRecord, adminApi } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { Environment, RelayAccess, SideStores, State } from '../../app.ts'
import { type Call, handle } from '../../handle.ts'
import type { StoredSession } from '../../rows/sessions.ts'
import { takeSide } from '../../sessions/relay/take-side.ts'
import { findSession } from './sessions.ts'

type Place = State & RelayAccess & SideStores & Environment
type Connect = Call<typeof adminApi.connectSession>

/** The operator's side of a relayed session: for the one who opened it. Who has it, and who was refused, is on record. */
export const connectSession = handle(adminApi.connectSession, async (call, app: Place) => {
  const { principal, params, reply } = call
  const read = () => findSession(app.store.reader, principal, params.session)
  const session = await read()
  const accept = () => app.upgrader.accept(reply)
  try {
    demandOwn(session, call)
    const isTaken = await takeSide({ relay: app.relay, session, side: 'client', accept, read })
    if (isTaken) await putOnRecord(app, session, call, { result: 'success' })
  } catch (error) {
    if (!(error instanceof ApiError && [403, 409].includes(error.status))) throw error
    await putOnRecord(app, session, call, { result: 'denied', why: error.message })
    throw error
  }
  return undefined
})

/** Throws an ApiError (403). */
function demandOwn({ id, operator_id }: StoredSession, { principal }: Connect): void {
  if (operator_id !== principal.id)
    throw new ApiError('forbidden', `session "${id}" was opened by another operator`)
}

interface Outcome {
  result: 'success' | 'denied'
  why?: string
}

/** In the audit records of the node. Never rejects: by then the connection may be there. */
async function putOnRecord(
  { telemetry, clock, log }: Place,
  { id: session_id, tenant_id, node_id }: StoredSession,
  { principal: { id: operator_id, name: operator_name } }: Connect,
  { result, why }: Outcome,
): Promise<void> {
  const record: AuditRecord = {
    timestamp: new Date(clock.now()).toISOString(),
    source: 'control-plane',
    event_type: 'session',
    action: 'connect',
    result,
    subject: { operator_id, operator_name },
    object: { session_id, ...(why === undefined ? {} : { why }) },
  }
  log.info('operator connects to a session', {
    session_id,
    node_id,
    by: operator_name,
    result,
    why,
  })
  await telemetry
    .append({ kind: 'audit', source: { tenant_id, node_id }, records: [JSON.stringify(record)] })
    .catch((error: unknown) =>
      log.error('audit record lost', { session_id, error: describeError(error) }),
    )
}
