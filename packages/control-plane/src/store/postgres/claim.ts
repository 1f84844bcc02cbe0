import { type Clock, type Log, systemClock } from '@plexd/runtime'
import type pg from 'pg'
import { NothingChanged } from '../nothing-changed.ts'
import { openSession } from './client.ts'
import { connectedBy, type PostgresPlace } from './place.ts'

/** The advisory lock of the one control plane that serves from a database. It is of a session, so it ends with its holder. */
const servingLock = 7_036_874_418

export interface ClaimOptions {
  clock?: Clock
  log: Log
  /** Called if another control plane has it, with its name, and again when that is another one. */
  onWait?: ((holder: string) => void) | undefined
  /** Called if another has taken it over since: nothing can be written any more. */
  onLost: (error: Error) => void
  signal?: AbortSignal | undefined
}

const pauseMs = 500
/** A holder that has not asked anything for so long is taken for dead: it is stopped, or its machine is. */
const silentMs = 3_500
/** Of a session for this: what takes longer is no answer. */
const session = { lockWaitMs: 0, statementMs: 3_000 }

/**
 * Waits until nobody else serves from the database, and keeps others waiting until it is disposed of. A holder whose connection is lost
 * asks again; by then another may have the database, and what it lets nobody else do is said in writer-driver.ts.
 */
export async function claimPostgres(
  place: PostgresPlace,
  { clock = systemClock, log, onWait = () => {}, onLost, signal }: ClaimOptions,
): Promise<AsyncDisposable> {
  const ended = new AbortController()
  let client = await waitForTurn()
  const keeping = keep()

  /** One that waits goes on to wait while the database is away. */
  async function waitForTurn(): Promise<pg.Client> {
    for (let holder: string | undefined; ; ) {
      const asking = await openSession(place, session).catch((error: unknown) => {
        if (holder === undefined || !(error instanceof NothingChanged)) throw error
      })
      try {
        while (asking && !(await tryLock(asking))) {
          const now = await holderIn(asking)
          // Nobody is to be seen for a moment where one follows the other.
          if (holder === undefined || (now && describeHolder(now) !== holder)) {
            holder = describeHolder(now)
            onWait(holder)
          }
          if (now && now.silent_ms > silentMs) await end(asking, now)
          await clock.sleep(pauseMs, signal)
        }
        if (asking) return asking
      } catch (error) {
        await asking?.end().catch(() => {})
        if (!(error instanceof NothingChanged)) throw error
      }
      await clock.sleep(pauseMs, signal)
    }
  }

  async function end(asking: pg.Client, holder: Holder): Promise<void> {
    log.warn('the control plane that serves from the database is silent, its turn is over', {
      holder: describeHolder(holder),
    })
    // All that it has: a transaction of it may hold the writer's lock.
    await asking.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()`,
      [holder.application],
    )
  }

  async function keep(): Promise<void> {
    while (await pause()) {
      const answers = await client.query('select 1').then(
        () => true,
        () => false,
      )
      if (answers || ended.signal.aborted) continue
      log.warn('the session that holds the database was lost, and is made anew')
      await client.end().catch(() => {})
      await claimAgain()
    }
  }

  async function claimAgain(): Promise<void> {
    do {
      const next = await openSession(place, session).catch(() => undefined)
      const isOurs = next && (await tryLock(next).catch(() => undefined))
      if (next && isOurs) {
        client = next
        return
      }
      const holder =
        next && isOurs === false ? await holderIn(next).catch(() => undefined) : undefined
      await next?.end().catch(() => {})
      if (isOurs === false) {
        ended.abort()
        onLost(lostTo(describeHolder(holder)))
      }
    } while (await pause())
  }

  /** False once it has ended. */
  function pause(): Promise<boolean> {
    return clock.sleep(pauseMs, ended.signal).then(
      () => true,
      () => false,
    )
  }

  return {
    async [Symbol.asyncDispose]() {
      ended.abort()
      await client.end().catch(() => {}) // it may have ended
      await keeping
    },
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_ours', [servingLock])
  return rows[0].is_ours
}

interface Holder {
  pid: number
  application: string
  since: Date
  /** Since it last asked anything, in milliseconds. */
  silent_ms: number
}

/** Undefined if it has ended since, or nobody has it. */
export async function holderIn(client: pg.Client): Promise<Holder | undefined> {
  const { rows } = await client.query(
    `select pid, application_name as application, backend_start as since,
       (extract(epoch from now() - state_change) * 1000)::float8 as silent_ms
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and (classid::bigint << 32) + objid::bigint = $1
       and database = (select oid from pg_database where datname = current_database())`,
    [servingLock],
  )
  return rows[0]
}

export function describeHolder(holder: Holder | undefined): string {
  if (!holder) return 'another control plane'
  const { pid, machine } = connectedBy(holder.application)
  return `the control plane on "${machine}" (process ${pid}, since ${holder.since.toISOString()})`
}

function lostTo(holder: string): Error {
  return new Error(
    `serve from the database: while the way to it was lost, ${holder} took it over: this one ends, and waits for its turn when it is started again`,
  )
}
