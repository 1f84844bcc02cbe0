import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { type Log, systemClock } from '@plexd/runtime'
import { openSideDatabase } from '../store/side/side-database.ts'
import type { OnStep } from '../store/start-step.ts'
import { type HeldChunks, isComplete, isLast, judgeChunk } from './judge-chunk.ts'
import { mendRecordings } from './mend.ts'
import type { Holding, PutResult, RecordingStore, SentChunk, StoredChunk } from './store.ts'

/** Chunks written or deleted before yielding to the event loop: a few mebibytes. */
const chunksAtOnce = 32

interface Put {
  chunk: SentChunk
  maxBytes: number
}

export interface RecordingsOptions {
  now?: () => number
  lockWaitMs?: number
  log?: Pick<Log, 'warn'>
  onStep?: OnStep | undefined
}

/** Recordings in a SQLite file. Chunks that arrive together share a transaction and its fsync. */
export function openSqliteRecordings(
  path: string,
  { now = systemClock.now, lockWaitMs, log, onStep }: RecordingsOptions = {},
): RecordingStore {
  const mend = (database: DatabaseSync) => mendRecordings(database, now())
  const side = openSideDatabase(path, { schema, lockWaitMs, log, onStep, mend })
  const { database, patience } = side
  const statements = prepare(database)

  function put({ chunk, maxBytes }: Put): PutResult {
    const { session_id, node_id, index, bytes } = chunk
    const known = statements.find.get(session_id, index)?.bytes as Uint8Array | undefined // a blob
    const held = statements.held.get(session_id) as HeldChunks | undefined // its columns
    const hasLater = (): boolean => statements.next.get(session_id, index) !== undefined
    const outcome = judgeChunk(chunk, { known, held, hasLater }, maxBytes)
    if (outcome !== 'new') return { outcome, isComplete: known !== undefined && isComplete(held) }
    statements.insert.run(session_id, index, bytes)
    const last = isLast(bytes) ? index : null
    const counted = statements.count.get(session_id, node_id, bytes.length, now(), last)
    return { outcome: 'kept', isComplete: isComplete(counted as HeldChunks | undefined) } // its columns
  }

  const write = side.createWriter<Put, PutResult>({
    write: put,
    sizeOf: () => 1,
    maxGroupSize: chunksAtOnce,
  })

  /** Step by step: others wait for each. */
  async function removeOne(sessionId: string): Promise<void> {
    for (let gone = chunksAtOnce; gone === chunksAtOnce; await turn())
      gone = await patience(() => Number(statements.removeSome.run(sessionId).changes))
    await patience(() => statements.forget.run(sessionId))
  }

  return {
    put: (chunk, { maxBytes }) => write({ chunk, maxBytes }),
    next: (sessionId, from) =>
      patience(() => statements.next.get(sessionId, from) as StoredChunk | undefined), // its columns
    holdings: () => patience(() => statements.all.all() as unknown as Holding[]), // its columns
    async remove(sessionIds) {
      for (const id of sessionIds) await removeOne(id)
      if (sessionIds.length > 0)
        await patience(() => database.exec('pragma incremental_vacuum(4000)'))
    },
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}

function prepare(database: DatabaseSync) {
  return {
    find: database.prepare('select bytes from chunks where session_id = ? and "index" = ?'),
    insert: database.prepare('insert into chunks values (?, ?, ?)'),
    held: database.prepare('select bytes, chunks, last from holdings where session_id = ?'),
    count: database.prepare(
      `insert into holdings values (?, ?, ?, ?, 1, ?) on conflict do update set
         bytes = bytes + excluded.bytes, chunks = chunks + 1, last = coalesce(last, excluded.last)
       returning bytes, chunks, last`,
    ),
    next: database.prepare(
      'select "index", bytes from chunks where session_id = ? and "index" >= ? order by "index" limit 1',
    ),
    all: database.prepare(
      'select session_id, node_id, bytes, started_at from holdings order by started_at, session_id',
    ),
    removeSome: database.prepare(
      `delete from chunks where rowid in
         (select rowid from chunks where session_id = ? limit ${chunksAtOnce})`,
    ),
    forget: database.prepare('delete from holdings where session_id = ?'),
  }
}

const schema = `
  create table if not exists chunks (session_id text not null, "index" integer not null, bytes blob not null);
  create unique index if not exists chunks_in_order on chunks (session_id, "index");
  create table if not exists holdings (
    session_id text primary key, node_id text not null, bytes integer not null, started_at integer not null,
    chunks integer not null, last integer);
`
