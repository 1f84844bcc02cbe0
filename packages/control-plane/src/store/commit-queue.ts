import { createGroupQueue, systemClock } from '@plexd/runtime'
import { type ControlledTransaction, type Kysely, sql } from 'kysely'
import type { Tx, WriteHooks } from './db.ts'
import { NothingChanged } from './nothing-changed.ts'
import type { Tables } from './schema.ts'
import { diskErrorOf } from './sqlite-error.ts'

interface Unit {
  work: (tx: Tx) => Promise<unknown>
  hooks: WriteHooks<unknown>
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
}

/** With more units in one transaction, the first would wait too long for the last, and so would the rest of the event loop. */
const maxGroup = 256
const defaultGroupMs = 20

export interface CommitQueue {
  write<T>(work: (tx: Tx) => Promise<T>, hooks?: WriteHooks<T>): Promise<T>
  /** Resolves when all queued units are settled. */
  drain(): Promise<void>
}

/**
 * Group commit: the units waiting when the writer is free share one transaction. `onGroup` is called with the size of each; `maxGroupMs` may
 * be longer where statements do not hold up the event loop.
 */
export function createCommitQueue(
  writer: Kysely<Tables>,
  onGroup: (size: number) => void = () => {},
  maxGroupMs = defaultGroupMs,
): CommitQueue {
  const queue = createGroupQueue<Unit>(async (waiting) => {
    // One turn of the event loop, so that requests of the same turn share the fsync.
    await new Promise((resolve) => setImmediate(resolve))
    onGroup(await commitGroup(writer, waiting, maxGroupMs))
  })

  return {
    write: (work, hooks = {}) =>
      new Promise((resolve, reject) => {
        // The caller knows the type of its unit's result; the queue only passes it on.
        queue.add({ work, hooks, resolve, reject } as Unit)
      }),
    drain: queue.drain,
  }
}

/** Runs units from `waiting` in one transaction. Resolves to their number. */
async function commitGroup(
  writer: Kysely<Tables>,
  waiting: Unit[],
  maxGroupMs: number,
): Promise<number> {
  const group: Unit[] = []
  const done: { unit: Unit; result: unknown }[] = []
  try {
    const tx = await writer.startTransaction().execute()
    // Not before: waiting for other writers must not make the group smaller.
    const startMs = systemClock.monotonic()
    try {
      for (;;) {
        const unit = waiting.shift()
        if (!unit) break
        group.push(unit)
        await attempt(tx, unit, done)
        if (group.length === maxGroup || systemClock.monotonic() - startMs >= maxGroupMs) break
      }
      await tx.commit().execute()
    } catch (error) {
      // The database may have rolled back already, as it does on a full disk.
      await tx
        .rollback()
        .execute()
        .catch(() => {})
      throw error
    }
  } catch (error) {
    // Newest first, so that each finds the in-memory state as it left it.
    for (const { unit } of done.toReversed()) unit.hooks.undo?.()
    // If no transaction could be started, the other waiting units would fail as well.
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
  let undo: (() => void) | undefined
  try {
    const result = await unit.work(tx)
    undo = unit.hooks.undo
    // Here too a write may fail: where writes are not waited for, this is the first to hear of it.
    await sql`release savepoint unit`.execute(tx)
    done.push({ unit, result })
  } catch (error) {
    undo?.()
    await undoOne(tx, error)
    unit.reject(error)
  }
}

/** Rolls back one unit's writes; throws what the whole transaction was rolled back for, which all units are told. */
async function undoOne(tx: ControlledTransaction<Tables>, error: unknown): Promise<void> {
  try {
    await sql`rollback to savepoint unit`.execute(tx)
    await sql`release savepoint unit`.execute(tx)
  } catch (failure) {
    // What a unit is refused for, be it a key that is taken or a fault in it, is about that unit: the connection was lost besides.
    throw diskErrorOf(error) instanceof NothingChanged ? error : failure
  }
}
