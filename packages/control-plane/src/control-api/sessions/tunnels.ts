import { ApiError, controlApi, parseDuration, type TunnelClosed } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import {
  changeSession,
  readSession,
  type SessionChange,
  type StoredSession,
} from '../../rows/sessions.ts'
import { ready, reported } from '../../sessions/transitions.ts'
import { putOnRecord, refuseClaim, type Told } from './on-record.ts'

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
    demandDuration(body)
    const told = { session_id, principal, body, action: 'closed' }
    await settle(app, told, (row, { nowMs }) => reported(row, body, nowMs))
    return {}
  },
)

/** Throws an ApiError (400) for one that operators could not be shown. */
function demandDuration({ duration }: TunnelClosed): void {
  if (duration !== undefined && !isDuration(duration))
    throw new ApiError('bad_request', `duration "${duration}": want a duration such as "1m30s"`)
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) >= 0
  } catch {
    return false
  }
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
  if (known && known.node_id !== principal.id) await refuseClaim(app, told)
  await putOnRecord(app, told)
  if (!known) return
  await app.change(async (unit) => {
    const row = await readSession(unit.tx, session_id)
    const change = row && effect(row, unit)
    if (change) await changeSession(unit, row, change)
  })
}
