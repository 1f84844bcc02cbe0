import { createGroupQueue, systemClock } from '@plexd/runtime'
import { type ControlledTransaction, type Kysely, sql } from 'kysely'
import type { Tx, WriteHooks } from './db.ts'
import type { Tables } from './schema.ts'

interface Unit {
  work: (tx: Tx) => Promise<unknown>
  hooks: WriteHooks<unknown>
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
}

/** More than this in one transaction would hold the first one up for the last, and everything else that the event loop has to do. */
const maxGroup = 256
const maxGroupMs = 20

export interface CommitQueue {
  write<T>(work: (tx: Tx) => Promise<T>, hooks?: WriteHooks<T>): Promise<T>
  /** Resolves when everything that was queued is settled. */
  drain(): Promise<void>
}

/** Group commit: what waits when the writer is free goes into one transaction. `onGroup` hears the size of each. */
export function createCommitQueue(
  writer: Kysely<Tables>,
  onGroup: (size: number) => void = () => {},
): CommitQueue {
  const queue = createGroupQueue<Unit>(async (waiting) => {
    // One turn of the event loop: requests of the same turn share the fsync, and others get theirs.
    await new Promise((resolve) => setImmediate(resolve))
    onGroup(await commitGroup(writer, waiting))
  })

  return {
    write: (work, hooks = {}) =>
      new Promise((resolve, reject) => {
        // The result of a unit is typed by its own caller; the queue only carries it.
        queue.add({ work, hooks, resolve, reject } as Unit)
      }),
    drain: queue.drain,
  }
}

/** Takes units from `waiting` into one transaction. Resolves to how many. */
async function commitGroup(writer: Kysely<Tables>, waiting: Unit[]): Promise<number> {
  const group: Unit[] = []
  const done: { unit: Unit; result: unknown }[] = []
  const startMs = systemClock.monotonic()
  try {
    const tx = await writer.startTransaction().execute()
    try {
      for (;;) {
        const unit = waiting.shift()
        if (!unit) break
        group.push(unit)
        await attempt(tx, unit, done)
        // Looked at behind the first one: a machine may be so busy that beginning alone took as long.
        if (group.length === maxGroup || systemClock.monotonic() - startMs >= maxGroupMs) break
      }
      await tx.commit().execute()
    } catch (error) {
      // The database may have undone all of it already, as it does when the disk is full.
      await tx
        .rollback()
        .execute()
        .catch(() => {})
      throw error
    }
  } catch (error) {
    // Newest first, so that each finds memory as it left it.
    for (const { unit } of done.toReversed()) unit.hooks.undo?.()
    // When not even a transaction could be begun, nobody who waits for one would fare better.
    if (group.length === 0) group.push(...waiting.splice(0))
    for (const unit of group) unit.reject(error)
    return group.length
  }
  for (const { unit, result } of done) unit.hooks.committed?.(result)
  for (const { unit, result } of done) unit.resolve(result)
  return group.length
}

async function attempt(
  tx: ControlledTransaction<Tables>,
  unit: Unit,
  done: { unit: Unit; result: unknown }[],
): Promise<void> {
  await sql`savepoint unit`.execute(tx)
  let result: unknown
  try {
    result = await unit.work(tx)
  } catch (error) {
    await undoOne(tx, error)
    unit.reject(error)
    return
  }
  // Before its release, which may fail too: then it is undone with the others.
  done.push({ unit, result })
  await sql`release savepoint unit`.execute(tx)
}

/** Takes back what a unit has written; throws its error when the whole transaction is gone with it. */
async function undoOne(tx: ControlledTransaction<Tables>, error: unknown): Promise<void> {
  try {
    await sql`rollback to savepoint unit`.execute(tx)
    await sql`release savepoint unit`.execute(tx)
  } catch {
    throw error
  }
}
