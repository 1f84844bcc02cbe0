import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { createGroupQueue, describeError, type Log, silentLog } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { createPatience, type Patience } from '../patience.ts'
import { openPrivateDatabase } from '../private-database.ts'
import { diskErrorOf, isDamaged } from '../sqlite-error.ts'
import { type GateOptions, passGate } from './gate.ts'
import { suspect } from './set-aside.ts'

/** A SQLite file beside the main database, for bulk data that no unit of work changes. Disposing waits for its writers. */
export interface SideDatabase extends AsyncDisposable {
  /** Its statements are run inside `patience` or a transaction, so that they wait for other processes. */
  readonly database: DatabaseSync
  readonly patience: Patience
  /** What was read of it cannot be right: logged once, and the next opening looks at all of it. */
  noteDamage(reason: string): void
  /** Rolled back if `work` throws, and then rejects with its error. */
  inTransaction<T>(work: () => T): Promise<T>
  /**
   * Writes items in groups: those that arrive together share a transaction and its fsync, and all fail if one does. Rejects with an
   * ApiError (503) for a disk that takes nothing.
   */
  createWriter<Item, Result>(options: WriterOptions<Item, Result>): Writer<Item, Result>
}

export type Writer<Item, Result> = (item: Item) => Promise<Result>

export interface WriterOptions<Item, Result> {
  /** Runs in a transaction. */
  write(item: Item): Result
  sizeOf(item: Item): number
  /** Of a group, unless its only item is larger: the event loop waits for each. */
  maxGroupSize: number
}

/** For startup, when nobody is waiting for the event loop yet. */
const openingMs = 5_000

/**
 * `schema` is run at every opening. Waits `lockWaitMs` for other processes. What is damaged is set aside, see `passGate`; when damage is met later, it is
 * logged once, and the next opening looks at the whole file.
 */
export function openSideDatabase(
  path: string,
  {
    schema,
    prepare,
    mend,
    inspect,
    log = silentLog,
    lockWaitMs = limits.database_lock_wait.default,
    onStep,
  }: OpenOptions,
): SideDatabase {
  passGate(path, { schema, mend, inspect, log, onStep, timeoutMs: openingMs })
  const database = openPrivateDatabase(path, openingMs)
  try {
    database.exec(`${pragmas}; ${schema}; pragma busy_timeout = 0`)
    prepare?.(database)
  } catch (error) {
    // Otherwise the next attempt could find it locked by this one.
    database.close()
    // SQLite does not say which of the files it is; the code of its error stays.
    if (error instanceof Error) error.message = `open "${path}": ${error.message}`
    throw error
  }
  const noteDamage = createDamageNote(path, log)
  const patience = watchful(createPatience(lockWaitMs), noteDamage)
  const inTransaction = <T>(work: () => T): Promise<T> => patience(() => attempt(database, work))
  const drains: (() => Promise<void>)[] = []
  return {
    database,
    patience,
    noteDamage,
    inTransaction,
    createWriter(options) {
      const { writer, drain } = createWriter(inTransaction, options)
      drains.push(drain)
      return writer
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(drains.map((drain) => drain()))
      database.close()
    },
  }
}

export interface OpenOptions {
  schema: string
  /** Runs when the tables are there. If it throws, the database is closed. */
  prepare?(database: DatabaseSync): void
  /** In milliseconds. */
  lockWaitMs?: number | undefined
  log?: Pick<Log, 'warn'> | undefined
  mend?: GateOptions['mend']
  inspect?: GateOptions['inspect']
  onStep?: GateOptions['onStep']
}

// Full synchronous mode: otherwise a power failure could lose what was acknowledged, which the sender has no more.
const pragmas =
  'pragma auto_vacuum = incremental; pragma journal_mode = wal; pragma synchronous = full'

function createDamageNote(path: string, log: Pick<Log, 'warn'>): SideDatabase['noteDamage'] {
  let isNoted = false
  return (reason) => {
    if (isNoted) return
    isNoted = true
    const message = 'a database is damaged: what can be read of it goes on at the next start'
    log.warn(message, { path, error: reason })
    suspect(path)
  }
}

function watchful(patience: Patience, noteDamage: SideDatabase['noteDamage']): Patience {
  return (attempt) =>
    patience(attempt).catch((error: unknown) => {
      if (isDamaged(error)) noteDamage(describeError(error))
      throw error
    })
}

function attempt<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    // The database may have rolled back already, as it does on a full disk.
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(reason: unknown): void
}

function createWriter<Item, Result>(
  inTransaction: SideDatabase['inTransaction'],
  options: WriterOptions<Item, Result>,
): { writer: Writer<Item, Result>; drain(): Promise<void> } {
  const queue = createGroupQueue<Waiting<Item, Result>>(async (waiting) => {
    // So that requests of the same turn share the fsync, and others are served between two groups.
    await turn()
    const group = takeGroup(waiting, options)
    try {
      const results = await inTransaction(() => group.map(({ item }) => options.write(item)))
      for (const [at, result] of results.entries()) group[at]?.resolve(result)
    } catch (error) {
      for (const { reject } of group) reject(diskErrorOf(error))
    }
  })
  return {
    writer: (item) => new Promise((resolve, reject) => queue.add({ item, resolve, reject })),
    drain: queue.drain,
  }
}

/** As many waiting items as fit into one transaction, at least one. */
function takeGroup<Item, Result>(
  waiting: Waiting<Item, Result>[],
  { sizeOf, maxGroupSize }: WriterOptions<Item, Result>,
): Waiting<Item, Result>[] {
  let total = 0
  const count = waiting.findIndex(({ item }, index) => {
    total += sizeOf(item)
    return index > 0 && total > maxGroupSize
  })
  return waiting.splice(0, count === -1 ? waiting.length : count)
}
