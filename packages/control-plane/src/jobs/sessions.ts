import type { Environment, State } from '../app.ts'
import {
  deleteClosedSessions,
  readForsakenSessions,
  readOverdueSessions,
} from '../rows/sessions.ts'
import { closeOverdue, revokeSession } from '../sessions/end-sessions.ts'

/** Sessions in one transaction, for which everybody else waits. */
const perUnit = 50

/** How long after its expiry a node may take to report that a session has ended. */
const graceMs = 30_000

/** Closes the sessions that have expired and whose end was not reported. */
export async function closeOverdueSessions(app: State & Environment): Promise<void> {
  for (let count = perUnit; count === perUnit; ) {
    const overdue = { beforeMs: app.clock.now() - graceMs, limit: perUnit }
    // A look outside of a unit, which most of the time finds none.
    if ((await readOverdueSessions(app.store.reader, { ...overdue, limit: 1 })).length === 0) return
    count = await app.change(async (unit) => {
      const rows = await readOverdueSessions(unit.tx, overdue)
      for (const row of rows) await closeOverdue(unit, row)
      return rows.length
    })
  }
}

/** Ends those whose operator or node is gone; most ended with them, but a start may revoke a token before there are sessions. */
export async function closeForsakenSessions(app: State): Promise<void> {
  for (let count = perUnit; count === perUnit; ) {
    if ((await readForsakenSessions(app.store.reader, 1)).length === 0) return
    count = await app.change(async (unit) => {
      const rows = await readForsakenSessions(unit.tx, perUnit)
      for (const row of rows)
        await revokeSession(unit, row, 'the token of the operator was revoked, or the node removed')
      return rows.length
    })
  }
}

const keepMs = 90 * 24 * 3_600_000
/** Rows deleted in one transaction. */
const chunk = 200

/** Deletes sessions that closed more than 90 days ago; what is on record of them in the audit records has its own limits. */
export async function forgetSessions({ store, clock }: State & Environment): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count = chunk
  while (count === chunk)
    count = await store.write((tx) => deleteClosedSessions(tx, beforeMs, chunk))
}
