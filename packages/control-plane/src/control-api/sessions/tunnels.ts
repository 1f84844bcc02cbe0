import { ApiError, type AuditRecord, controlApi } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import {
  changeSession,
  readSession,
  type SessionChange,
  type StoredSession,
} from '../../rows/sessions.ts'
import { ready, reported } from '../../sessions/transitions.ts'
import { sourceOf } from '../../telemetry/store.ts'

type Place = State & SideStores & Environment

export const tunnelReady = handle(
  controlApi.tunnelReady,
  async ({ params: { session_id }, body, principal }, app: Place) => {
    const told = { session_id, principal, body, action: 'ready' }
    await settle(app, told, (row) => ready(row, body.listen_addr))
    return {}
  },
)

/** May be repeated: a node repeats it until it is heard. */
export const tunnelClosed = handle(
  controlApi.tunnelClosed,
  async ({ params: { session_id }, body, principal }, app: Place) => {
    const told = { session_id, principal, body, action: 'closed' }
    await settle(app, told, (row, { nowMs }) => reported(row, body, nowMs))
    return {}
  },
)

/** What a node says of a session. */
interface Told {
  session_id: string
  principal: NodeRecord
  body: { timestamp?: string }
  action: string
}

/**
 * Puts it on record, and lets it have its effect. A session that nobody knows is on record too: a Go node may run it for
 * another control plane. Throws an ApiError (404) for a session of another node.
 */
async function settle(
  app: Place,
  told: Told,
  effect: (row: StoredSession, unit: Unit) => SessionChange | undefined,
): Promise<void> {
  const { session_id, principal } = told
  const known = await readSession(app.store.reader, session_id)
  if (known && known.node_id !== principal.id) {
    await putOnRecord(app, told, { result: 'denied' })
    app.log.warn('node claims the session of another', {
      session_id,
      node_id: principal.id,
      hostname: principal.hostname,
      action: told.action,
    })
    throw new ApiError('not_found', `there is no session "${session_id}" of this node`)
  }
  await putOnRecord(app, told)
  if (!known) return
  await app.change(async (unit) => {
    const row = await readSession(unit.tx, session_id)
    const change = row && effect(row, unit)
    if (change) await changeSession(unit, row, change)
  })
}

/** In the audit records of the node: who could reach what, and when. */
async function putOnRecord(
  { telemetry, clock }: Place,
  { session_id, principal, body, action }: Told,
  outcome: Pick<AuditRecord, 'result'> = {},
): Promise<void> {
  const { timestamp = new Date(clock.now()).toISOString(), ...object } = body
  const record: AuditRecord = {
    timestamp,
    source: 'plexd',
    event_type: 'tunnel',
    action,
    subject: { session_id },
    object,
    ...outcome,
    hostname: principal.hostname,
  }
  await telemetry.append('audit', sourceOf(principal), [JSON.stringify(record)])
}
