import { ApiError } from '@plexd/protocol'
import { systemClock } from '@plexd/runtime'
import { AbortedTransactionError, CompiledQuery, PostgresDriver } from 'kysely'
import type pg from 'pg'
import { NothingChanged } from '../nothing-changed.ts'
import { saysNotCommitted, storeErrorOf } from './errors.ts'

/** The advisory lock of whoever writes: the units of all processes run one after another. */
export const writerLock = 7_036_874_417

type Connection = Parameters<PostgresDriver['rollbackTransaction']>[0]

export interface Writer {
  /** Of its row. */
  id: string
  /** Called if it can never write again. */
  onLost: (error: Error) => void
}

/** How long the outcome of a commit is looked for; its callers wait meanwhile. */
const findOutMs = 60_000
const pauseMs = 250

/**
 * Transactions of the one who writes. Each takes the writer's lock before it reads anything, in READ COMMITTED: an older
 * snapshot would survive the wait. And each leaves its number in the row of its writer: where the connection is lost during the commit, that
 * row says whether it happened. A writer whose row says so, or is gone, has been replaced; one whose row is older than it should be has in memory what
 * the database has lost. Neither writes any more.
 */
export class WriterDriver extends PostgresDriver {
  readonly #pool: pg.Pool
  readonly #writer: Writer
  /** The number of the transaction that is open, or was last. */
  #commits = 0
  /** That of the last one that is known to be durable. */
  #durable = 0
  #lost: NothingChanged | undefined

  constructor(pool: pg.Pool, writer: Writer) {
    super({ pool })
    this.#pool = pool
    this.#writer = writer
  }

  override async beginTransaction(connection: Connection): Promise<void> {
    if (this.#lost) throw this.#lost
    this.#commits++
    try {
      await connection.executeQuery(
        CompiledQuery.raw(
          `begin isolation level read committed; select pg_advisory_xact_lock(${writerLock})`,
        ),
      )
      const { rows } = await connection.executeQuery<{ before: number }>(
        CompiledQuery.raw(
          `update store_writers set commits = $1 from store_writers as old
           where store_writers.id = $2 and store_writers.replaced_at is null and old.id = store_writers.id
           returning old.commits as before`,
          [this.#commits, this.#writer.id],
        ),
      )
      this.#demandOurs(rows[0]?.before)
    } catch (error) {
      await super.rollbackTransaction(connection).catch(() => {}) // it is discarded then
      throw error
    }
  }

  override async commitTransaction(connection: Connection): Promise<void> {
    try {
      await super.commitTransaction(connection)
    } catch (error) {
      if (error instanceof AbortedTransactionError || saysNotCommitted(causeOf(error))) throw error
      await super.rollbackTransaction(connection).catch(() => {}) // it is discarded then
      if (!(await this.#isCommitted(error))) throw lostBefore(error)
    }
    this.#durable = this.#commits
  }

  /** `commits`: what the row of this writer says; undefined if there is none. */
  #demandOurs(commits: number | undefined): void {
    if (commits === undefined)
      throw this.#lose(later('another control plane serves from the database since'))
    if (commits !== this.#durable)
      throw this.#lose(
        later(
          'the database has gone back to what it was before the last writes: an older state of it was restored, or a standby that had not got them has taken over',
        ),
      )
  }

  /** Waits for the server to end the lost transaction, whose lock it holds, and looks what became of it. */
  async #isCommitted(cause: unknown): Promise<boolean> {
    const endMs = systemClock.monotonic() + findOutMs
    for (;;) {
      try {
        return await this.#readOutcome()
      } catch (error) {
        if (this.#lost) throw this.#lost
        if (systemClock.monotonic() > endMs) throw this.#giveUp(cause)
        if (!(storeErrorOf(error) instanceof NothingChanged)) throw this.#giveUp(error)
      }
      await systemClock.sleep(pauseMs)
    }
  }

  async #readOutcome(): Promise<boolean> {
    const client = await this.#pool.connect()
    try {
      await client.query(`begin; select pg_advisory_xact_lock(${writerLock})`)
      // Written and not only read: that waits for a standby that has to have it, as the lost commit did.
      const { rows } = await client.query(
        'update store_writers set commits = commits where id = $1 returning commits',
        [this.#writer.id],
      )
      await client.query('commit')
      client.release()
      if (rows[0]?.commits === this.#commits) return true
      this.#demandOurs(rows[0]?.commits)
      return false
    } catch (error) {
      if (!this.#lost) client.release(true)
      throw error
    }
  }

  /** What is in memory may be another state than that of the database: nothing more is written. */
  #giveUp(cause: unknown): ApiError {
    const reason = `it could not be found out for ${findOutMs / 1_000} s whether the database has it`
    const error = new ApiError('unavailable', `it is not known whether this was done: ${reason}`, {
      cause,
      retryAfterSeconds: 5,
    })
    this.#lost = later(reason, cause)
    this.#writer.onLost(new Error(reason, { cause }))
    return error
  }

  #lose(error: NothingChanged): NothingChanged {
    this.#lost = error
    this.#writer.onLost(error.reason)
    return error
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof NothingChanged ? error.cause : error
}

function lostBefore(cause: unknown): NothingChanged {
  return later('the connection to the database was lost before the commit', cause)
}

function later(reason: string, cause?: unknown): NothingChanged {
  return new NothingChanged(reason, { cause, retryAfterSeconds: 5 })
}
