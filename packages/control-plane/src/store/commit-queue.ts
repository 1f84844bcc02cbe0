import { type ControlledTransaction, type Kysely, sql } from 'kysely'
import type { Tx, WriteHooks } from './db.ts'
import type { Tables } from './schema.ts'

interface Unit {
  work: (tx: Tx) => Promise<unknown>
  hooks: WriteHooks<unknown>
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
}

/** More than this in one transaction would hold the first one up for the last. */
const maxGroup = 256

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
  const waiting: Unit[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    // One turn of the event loop, so that requests of the same turn share the fsync.
    await new Promise((resolve) => setImmediate(resolve))
    while (waiting.length > 0) {
      const group = waiting.splice(0, maxGroup)
      onGroup(group.length)
      await commitGroup(writer, group)
    }
    running = undefined
  }

  return {
    write: (work, hooks = {}) =>
      new Promise((resolve, reject) => {
        // The result of a unit is typed by its own caller; the queue only carries it.
        waiting.push({ work, hooks, resolve, reject } as Unit)
        running ??= run()
      }),
    drain: () => running ?? Promise.resolve(),
  }
}

async function commitGroup(writer: Kysely<Tables>, group: readonly Unit[]): Promise<void> {
  const done: { unit: Unit; result: unknown }[] = []
  try {
    const tx = await writer.startTransaction().execute()
    try {
      for (const unit of group) await attempt(tx, unit, done)
      await tx.commit().execute()
    } catch (error) {
      if (!tx.isRolledBack && !tx.isCommitted)
        await tx
          .rollback()
          .execute()
          .catch(() => {})
      throw error
    }
  } catch (error) {
    // Newest first, so that each finds memory as it left it.
    for (const { unit } of done.toReversed()) unit.hooks.undo?.()
    for (const unit of group) unit.reject(error)
    return
  }
  for (const { unit, result } of done) unit.hooks.committed?.(result)
  for (const { unit, result } of done) unit.resolve(result)
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
    await sql`rollback to savepoint unit`.execute(tx)
    await sql`release savepoint unit`.execute(tx)
    unit.reject(error)
    return
  }
  await sql`release savepoint unit`.execute(tx)
  unit.hooks.settle?.(result)
  done.push({ unit, result })
}
