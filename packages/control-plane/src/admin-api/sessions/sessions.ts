import assert from 'node:assert/strict'
import { ApiError, adminApi, type Session } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { readRecordings } from '../../rows/recordings.ts'
import { readSession, readSessionsBefore, type StoredSession } from '../../rows/sessions.ts'
import { revokeSession as revoke } from '../../sessions/end-sessions.ts'
import { sessionView } from '../../sessions/view.ts'
import type { Reader } from '../../store/db.ts'
import { findNodeEver } from '../wire/find-node.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { readWhenDone } from '../wire/wait.ts'

export const listSessions = handle(
  adminApi.listSessions,
  async ({ principal, query }, app: State & Environment) => {
    const { tenant_id: tenantId } = principal
    const of =
      query.node === undefined
        ? { tenant_id: tenantId }
        : { node_id: (await findNodeEver(app, principal, query.node)).id }
    const [openedAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readSessionsBefore(
      app.store.reader,
      { of, state: query.state, openedAt: Number(openedAt), id: String(id) },
      boundsOf(query, app.config),
    )
    return {
      items: await shownAll(app, tenantId, page.rows),
      next: nextOf(page, (row) => [row.opened_at, row.id]),
    }
  },
)

/** With `wait` it answers when the node has said that it is ready, or the session has closed, or with its state after that time. */
export const getSession = handle(
  adminApi.getSession,
  async (call, app: State & Waiters & Environment) => {
    const { principal, params } = call
    const row = await readWhenDone(app, call, {
      id: params.session,
      watch: app.sessions,
      read: () => findSession(app.store.reader, principal, params.session),
      isDone: ({ state }) => state !== 'opening',
    })
    return shown(app, row)
  },
)

export const revokeSession = handle(
  adminApi.revokeSession,
  async ({ principal, params }, app: State & Environment) => {
    const row = await app.change(async (unit) => {
      const before = await findSession(unit.tx, principal, params.session)
      refuseEnded(before)
      return revoke(unit, before, `revoked by "${principal.name}"${silenceIn(before)}`)
    })
    return shown(app, row)
  },
)

/** Throws an ApiError (409) for one that has ended otherwise. */
function refuseEnded({ id, state, reason }: StoredSession): void {
  if (state === 'closed' && reason !== 'revoked')
    throw new ApiError('conflict', `session "${id}" has ended: ${reason}`)
}

/** One that nobody could use is told from one that was cut off. */
function silenceIn({ state }: StoredSession): string {
  return state === 'opening' ? ', before the node had said that it was ready' : ''
}

/** A session of the operator's tenant. Throws an ApiError (404). */
export async function findSession(
  reader: Reader,
  { tenant_id }: OperatorRecord,
  id: string,
): Promise<StoredSession> {
  const row = await readSession(reader, id, { tenant_id })
  if (!row) throw new ApiError('not_found', `there is no session "${id}"`)
  return row
}

async function shown(app: State & Environment, row: StoredSession): Promise<Session> {
  const [session] = await shownAll(app, row.tenant_id, [row])
  assert.ok(session)
  return session
}

/** In the same order. */
async function shownAll(
  app: State & Environment,
  tenantId: string,
  rows: readonly StoredSession[],
): Promise<Session[]> {
  const ids = rows.map(({ node_id }) => node_id)
  const hostnameOf = await readHostnames(app, { tenantId, ids })
  const recordings = await readRecordings(
    app.store.reader,
    rows.map(({ id }) => id),
  )
  const recordingOf = new Map(recordings.map((recording) => [recording.id, recording]))
  const nowMs = app.clock.now()
  return rows.map((row) =>
    sessionView(row, {
      hostname: hostnameOf(row.node_id),
      recording: recordingOf.get(row.id),
      nowMs,
    }),
  )
}
