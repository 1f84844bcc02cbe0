import type { Kysely, Transaction } from 'kysely'
import type { Tables } from './schema.ts'

/** Reads see only what is committed. */
export type Reader = Kysely<Tables>
/** Reads and writes of one unit of work. */
export type Tx = Transaction<Tables>

export interface Store extends AsyncDisposable {
  readonly reader: Reader
  /**
   * Runs `work` in a transaction and resolves once that is on the disk. Units of work run one after another; those
   * that wait at the same moment share a transaction and its fsync, each behind a savepoint, so that one that throws
   * undoes only itself. `work` must await nothing but queries of its `tx`. Rejects with an ApiError (503) when the
   * disk takes nothing more, or another process holds the database for too long.
   */
  write<T>(work: (tx: Tx) => Promise<T>, hooks?: WriteHooks<T>): Promise<T>
  /** Rejects when the database does not answer. */
  ping(): Promise<void>
  /** Leaves nothing on the disk of what was overwritten or deleted. */
  scrub(): Promise<void>
}

export interface WriteHooks<T> {
  /** Runs if the commit fails after `work` has succeeded, newest first. */
  undo?: () => void
  /** Runs right after the commit, in the order of the units, before their promises resolve. */
  committed?: (result: T) => void
}
