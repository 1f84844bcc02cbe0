import type { Environment, State, Waiters } from '../app.ts'
import { sendQueued } from '../executions/dispatch.ts'
import { passDeadline } from '../executions/transitions.ts'
import {
  readNodesHeldUntil,
  readNodesWithQueue,
  readOverdue,
} from '../rows/executions/execution-queue.ts'
import { deleteEnded } from '../rows/executions/executions.ts'
import { settleExecution } from '../runs/settle-execution.ts'

/** Executions or nodes in one transaction, for which everybody else waits. */
const perUnit = 50

/** Ends executions for which the node sent no answer or result in time, and sends what waited for their places. */
export async function expireExecutions(app: State & Waiters & Environment): Promise<void> {
  for (let count = perUnit; count === perUnit; ) {
    const overdue = { nowMs: app.clock.now(), limit: perUnit }
    // A look outside of a unit, which most of the time finds none.
    if ((await readOverdue(app.store.reader, { ...overdue, limit: 1 })).length === 0) return
    const ended = await app.change(async (unit) => {
      const rows = await readOverdue(unit.tx, overdue)
      for (const row of rows) {
        const change = passDeadline(row, unit.nowMs)
        if (change) await settleExecution(unit, row, change, app)
      }
      // Once for all of a node that were queued: each look goes past those that are still to expire.
      const waited = rows.filter(({ status }) => status === 'queued')
      for (const id of new Set(waited.map(({ node_id }) => node_id)))
        await sendQueued(unit, id, app)
      return rows
    })
    for (const { id } of ended) app.executions.changed(id)
    count = ended.length
  }
}

/** Asks nodes again that had no room. */
export async function retryHeld(app: State & Environment): Promise<void> {
  await sendToAll(app, await readNodesHeldUntil(app.store.reader, app.clock.now()))
}

/** Sends what waits although there is room, as when a limit was raised. */
export async function sendAllQueued(app: State & Environment): Promise<void> {
  await sendToAll(app, await readNodesWithQueue(app.store.reader))
}

async function sendToAll(app: State & Environment, nodeIds: readonly string[]): Promise<void> {
  for (let at = 0; at < nodeIds.length; at += perUnit)
    await app.change(async (unit) => {
      for (const id of nodeIds.slice(at, at + perUnit)) await sendQueued(unit, id, app)
    })
}

const keepMs = 30 * 24 * 3_600_000
/** Rows deleted in one transaction: each has up to 128 KiB of output, which is overwritten. */
const chunk = 20

/** Deletes executions that ended more than 30 days ago. The end is the node's claim, so the time of the request is checked too. */
export async function forgetExecutions({ store, clock }: State & Environment): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count = chunk
  while (count === chunk) count = await store.write((tx) => deleteEnded(tx, beforeMs, chunk))
}
