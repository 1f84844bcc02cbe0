import { systemClock } from '@plexd/runtime'
import {
  type Driver,
  HandleEmptyInListsPlugin,
  Kysely,
  PostgresDialect,
  replaceWithNoncontingentExpression,
  sql,
} from 'kysely'
import type pg from 'pg'
import { limits } from '../../limits.ts'
import { createCommitQueue } from '../commit-queue.ts'
import type { Reader, Store, StoreOptions } from '../db.ts'
import type { Tables } from '../schema.ts'
import { openPool, withSession } from './client.ts'
import type { PostgresPlace } from './place.ts'
import { prepareDatabase } from './prepare.ts'
import { WriterClient } from './writer-client.ts'
import { type Writer, WriterDriver } from './writer-driver.ts'

/** The event loop goes round meanwhile, and each statement is a way to the server and back. */
const defaultGroupMs = 200

/** Who asks whether we are ready wants to know soon, also where the way to the server swallows everything. */
const pingMs = 3_000
/** Over all tables. */
const scrubMs = 30 * 60_000

/** Connections for reading, of which each carries one statement at a time. */
const maxReaders = 8

/** Opens a database of PostgreSQL, and migrates it. Whoever opened it before writes no more. */
export async function openPostgresStore(
  place: PostgresPlace,
  {
    onGroup,
    migration,
    lockWaitMs = limits.database_lock_wait.default,
    maxGroupMs = defaultGroupMs,
    onLost = () => {},
    signal,
  }: StoreOptions = {},
): Promise<Store> {
  const id = crypto.randomUUID()
  await prepareDatabase(place, { id, migration, signal })
  const writer = openWriter(place, { id, lockWaitMs, onLost })
  const reader = openPostgresReader(place, { lockWaitMs })
  const queue = createCommitQueue(writer, onGroup, maxGroupMs)
  return {
    reader,
    write: queue.write,
    async ping() {
      await within(pingMs, sql`select 1`.execute(reader))
    },
    async scrub() {
      // Of deleted rows alone: what the server has in its own log and its backups is its operator's.
      await withSession(place, { lockWaitMs, statementMs: scrubMs }, (client) =>
        client.query('vacuum'),
      )
    },
    async [Symbol.asyncDispose]() {
      await queue.drain()
      await reader.destroy()
      await writer.destroy()
    },
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const late = systemClock.sleep(ms, over.signal).then(() => {
    throw new Error(`the database did not answer in ${ms} ms`)
  })
  await Promise.race([work, late]).finally(() => over.abort())
}

function openWriter(
  place: PostgresPlace,
  { lockWaitMs, ...writer }: Writer & { lockWaitMs: number },
) {
  // The second looks what became of a commit while the first is being given up.
  const pool = openPool(place, 2, { lockWaitMs }, WriterClient)
  return new Kysely<Tables>({ dialect: new WriterDialect(pool, writer), plugins })
}

/** What is committed; nothing can be written by it. */
export function openPostgresReader(
  place: PostgresPlace,
  { lockWaitMs = limits.database_lock_wait.default }: { lockWaitMs?: number } = {},
): Kysely<Tables> {
  const pool = openPool(place, maxReaders, { lockWaitMs, isReadOnly: true })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins })
}

/** Whether there is nothing of ours in it. */
export async function isEmpty(reader: Reader): Promise<boolean> {
  const { rows } = await sql<{
    it: string | null
  }>`select to_regclass('tenants')::text as it`.execute(reader)
  return rows[0]?.it === null
}

/** SQLite takes `in ()`, which no row meets. */
const plugins = [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })]

class WriterDialect extends PostgresDialect {
  readonly #pool: pg.Pool
  readonly #writer: Writer

  constructor(pool: pg.Pool, writer: Writer) {
    super({ pool })
    this.#pool = pool
    this.#writer = writer
  }

  override createDriver(): Driver {
    return new WriterDriver(this.#pool, this.#writer)
  }
}
