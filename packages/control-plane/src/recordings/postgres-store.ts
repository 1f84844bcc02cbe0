import { systemClock } from '@plexd/runtime'
import { type Kysely, sql } from 'kysely'
import { openBeside } from '../store/postgres/beside.ts'
import type { PostgresPlace } from '../store/postgres/place.ts'
import { type HeldChunks, isComplete, isLast, judgeChunk } from './judge-chunk.ts'
import type { Holding, PutResult, RecordingStore, SentChunk, StoredChunk } from './store.ts'

type Db = Kysely<never>

/** Chunks deleted in one transaction: a few mebibytes. */
const chunksAtOnce = 32

/** Of the pairs of numbers that advisory locks of recordings have; the other is of the session. */
const recordingLocks = 7_036

interface RecordingsOptions {
  now?: () => number
  lockWaitMs?: number
}

/** Recordings in PostgreSQL. What changes one recording happens one after another, also where a control plane that has lost its turn is still writing. */
export async function openPostgresRecordings(
  place: PostgresPlace,
  { now = systemClock.now, lockWaitMs }: RecordingsOptions = {},
): Promise<RecordingStore> {
  const db: Db = await openBeside<never>(place, { schema, lockWaitMs })
  return {
    put: (chunk, { maxBytes }) =>
      alone(db, chunk.session_id, (tx) => put(tx, chunk, { maxBytes, nowMs: now() })),
    async next(sessionId, from) {
      const { rows } = await sql<StoredChunk>`
        select "index", bytes from recording_chunks
        where session_id = ${sessionId} and "index" >= ${from} order by "index" limit 1`.execute(db)
      return rows[0]
    },
    async holdings() {
      const { rows } = await sql<Holding>`
        select session_id, node_id, bytes, started_at from recording_holdings
        order by started_at, session_id`.execute(db)
      return rows
    },
    async remove(sessionIds) {
      for (const id of sessionIds) while (!(await alone(db, id, (tx) => removeSome(tx, id))));
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

/** A transaction that no other changes this recording beside. The lock comes before the statements that read, each of which sees what is committed by then. */
function alone<T>(db: Db, sessionId: string, work: (tx: Db) => Promise<T>): Promise<T> {
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      await sql`
        select pg_advisory_xact_lock(${sql.lit(recordingLocks)}, hashtext(${sessionId}))`.execute(
        tx,
      )
      return work(tx)
    })
}

async function put(
  tx: Db,
  chunk: SentChunk,
  { maxBytes, nowMs }: { maxBytes: number; nowMs: number },
): Promise<PutResult> {
  const { known, has_later, held } = await look(tx, chunk)
  const outcome = judgeChunk(chunk, { known, held, hasLater: () => has_later }, maxBytes)
  if (outcome !== 'new') return { outcome, isComplete: known !== undefined && isComplete(held) }
  const { session_id, node_id, index, bytes } = chunk
  const last = isLast(bytes) ? index : null
  const { rows } = await sql<HeldChunks>`
    with stored as (insert into recording_chunks values (${session_id}, ${index}, ${bytes}))
    insert into recording_holdings as held values (${session_id}, ${node_id}, ${bytes.length}, ${nowMs}, 1, ${last})
    on conflict (session_id) do update set
      bytes = held.bytes + excluded.bytes, chunks = held.chunks + 1, last = coalesce(held.last, excluded.last)
    returning bytes, chunks, last`.execute(tx)
  return { outcome: 'kept', isComplete: isComplete(rows[0]) }
}

interface Found {
  known: Uint8Array | undefined
  has_later: boolean
  held: HeldChunks | undefined
}

async function look(tx: Db, { session_id, index }: SentChunk): Promise<Found> {
  const { rows } = await sql<{ known: Uint8Array | null; has_later: boolean }>`
    select
      (select bytes from recording_chunks where session_id = ${session_id} and "index" = ${index}) as known,
      exists (select from recording_chunks where session_id = ${session_id} and "index" > ${index}) as has_later`.execute(
    tx,
  )
  const holdings = await sql<HeldChunks>`
    select bytes, chunks, last from recording_holdings where session_id = ${session_id}`.execute(tx)
  const [{ known, has_later } = { known: null, has_later: false }] = rows
  return { known: known ?? undefined, has_later, held: holdings.rows[0] }
}

/** Returns whether nothing is left of it; what counts them goes with the last of them, so that a crash leaves no chunk that nobody finds. */
async function removeSome(tx: Db, sessionId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from recording_chunks where session_id = ${sessionId} and "index" in
      (select "index" from recording_chunks where session_id = ${sessionId} limit ${sql.lit(chunksAtOnce)})`.execute(
    tx,
  )
  if (Number(numAffectedRows) === chunksAtOnce) return false
  await sql`delete from recording_holdings where session_id = ${sessionId}`.execute(tx)
  return true
}

const schema = [
  `create table if not exists recording_chunks (
    session_id text collate "C" not null, "index" bigint not null, bytes bytea not null,
    primary key (session_id, "index"))`,
  `create table if not exists recording_holdings (
    session_id text collate "C" primary key, node_id text collate "C" not null, bytes bigint not null,
    started_at bigint not null, chunks bigint not null, last bigint)`,
]
