import type { Kysely, Transaction } from 'kysely'
import type { MigrationWatch } from './migrate.ts'
import type { Tables } from './schema.ts'

/** Reads only see committed data, unless it is a `Tx`. */
export type Reader = Kysely<Tables>
/** Reads and writes within a unit of work. */
export type Tx = Transaction<Tables>

export interface Store extends AsyncDisposable {
  readonly reader: Reader
  /**
   * Runs `work` in a transaction and resolves once that is durable. Units of work run one after another; those
   * waiting at the same moment share a transaction and its fsync, each with its own savepoint, so that one that throws
   * undoes only itself. `work` must await nothing but queries of its `tx`. Rejects with an ApiError (503) if the
   * disk is full or read-only, or another process locks the database for too long.
   */
  write<T>(work: (tx: Tx) => Promise<T>, hooks?: WriteHooks<T>): Promise<T>
  /** Rejects when the database does not answer. */
  ping(): Promise<void>
  /** Erases overwritten and deleted data from the disk. */
  scrub(): Promise<void>
}

export interface StoreOptions {
  /** Is told how many units shared a transaction. */
  onGroup?: (size: number) => void
  migration?: MigrationWatch
  /** How long other processes are waited for. */
  lockWaitMs?: number
  /** How long a group takes in further units. */
  maxGroupMs?: number
  /** Called if another process has taken the database over, and only that one can write. A file is locked with its folder. */
  onLost?: (error: Error) => void
  /** Ends the waiting for others while it is being opened. */
  signal?: AbortSignal | undefined
}

export interface WriteHooks<T> {
  /** Runs if the commit fails after `work` has succeeded, newest unit first. */
  undo?: () => void
  /** Runs right after the commit, in the order of the units, before their promises resolve. */
  committed?: (result: T) => void
}
