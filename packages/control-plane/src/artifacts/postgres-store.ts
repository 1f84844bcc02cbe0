import { Readable } from 'node:stream'
import { createSerialQueue, handOver } from '@plexd/runtime'
import { type Kysely, sql } from 'kysely'
import { limits } from '../limits.ts'
import { openBeside } from '../store/postgres/beside.ts'
import { withSession } from '../store/postgres/client.ts'
import type { PostgresPlace } from '../store/postgres/place.ts'
import { cut } from './cut.ts'
import { measure } from './measure.ts'
import {
  type ArtifactName,
  type ArtifactStore,
  type Bytes,
  checkArtifactName,
  type OpenArtifact,
  type ReceivedArtifact,
} from './store.ts'

type Db = Kysely<never>

/** Of a chunk: what a download holds in memory while its client is slow. */
const chunkBytes = 128 * 1024
/** Chunks deleted at once: some mebibytes. */
const chunksAtOnce = 64

/** The advisory lock of whoever changes artifacts and their rows. */
const artifactsLock = 7_036_874_420
/** Whoever holds it does a few statements; one that hangs loses it. */
const longestHoldMs = 60_000

interface ArtifactsOptions {
  /** Whether the state has an artifact of this name. */
  isKnown(name: ArtifactName): Promise<boolean>
  lockWaitMs?: number
}

/**
 * Artifacts in PostgreSQL, for any number of control planes. Removes what has been lying about for a day: younger uploads may be those that another
 * control plane is receiving.
 */
export async function openPostgresArtifacts(
  place: PostgresPlace,
  { isKnown, lockWaitMs = limits.database_lock_wait.default }: ArtifactsOptions,
): Promise<ArtifactStore & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const db: Db = stack.use(await openBeside<never>(place, { schema, lockWaitMs }))
  const inTurn = createSerialQueue()
  const lock = { lockWaitMs, statementMs: lockWaitMs + 1_000 }
  await sweep(db, isKnown)
  return {
    receive: (content, options) => receive(db, measure(content, options)),
    open: (name) => open(db, name),
    async remove(name) {
      const id = await unname(db, name)
      if (id !== undefined) await tidy(db, id)
    },
    exclusive: (work) =>
      inTurn(() =>
        withSession(place, lock, async (session) => {
          await session.query(`set idle_session_timeout = ${longestHoldMs}`)
          await session.query('select pg_advisory_lock($1)', [artifactsLock])
          return work()
        }),
      ),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

async function receive(
  db: Db,
  { pieces, result }: ReturnType<typeof measure>,
): Promise<ReceivedArtifact> {
  const id = crypto.randomUUID()
  const discard = (): Promise<void> => tidy(db, id)
  try {
    await sql`insert into artifact_contents (id) values (${id})`.execute(db)
    let index = 0
    for await (const chunk of cut(pieces, chunkBytes))
      await sql`insert into artifact_chunks values (${id}, ${index++}, ${chunk})`.execute(db)
    const found = result()
    const keep = (name: ArtifactName): Promise<void> => putInPlace(db, name, { id, ...found })
    return { ...found, keep, [Symbol.asyncDispose]: discard }
  } catch (error) {
    await discard()
    throw error
  }
}

interface Content {
  id: string
  size: number
  checksum: string
}

async function putInPlace(db: Db, name: ArtifactName, { id, size, checksum }: Content) {
  checkArtifactName(name)
  const { version, os, arch } = name
  const before = await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      const replaced = await unname(tx, name)
      const { numAffectedRows } = await sql`
        update artifact_contents set version = ${version}, os = ${os}, arch = ${arch},
          size = ${size}, checksum = ${checksum}
        where id = ${id}`.execute(tx)
      if (numAffectedRows !== 1n)
        throw new Error(
          `keep artifact "${version}" for "${os}/${arch}": its upload took over a day`,
        )
      return replaced
    })
  if (before !== undefined) await tidy(db, before)
}

async function open(db: Db, name: ArtifactName): Promise<OpenArtifact | undefined> {
  checkArtifactName(name)
  const { rows } = await sql<Content>`
    select id, size, checksum from artifact_contents where ${isNamed(name)}`.execute(db)
  const [content] = rows
  return (
    content && {
      size: content.size,
      checksum: content.checksum,
      read: (bytes) => Readable.from(piecesOf(db, content.id, bytes), { objectMode: false }),
      close: async () => {},
    }
  )
}

/** Each chunk by a query of its own: between two nothing is held. */
async function* piecesOf(db: Db, id: string, { start, end }: Bytes): AsyncGenerator<Uint8Array> {
  for (let index = Math.floor(start / chunkBytes); index * chunkBytes <= end; index++) {
    const { rows } = await sql<{ bytes: Uint8Array }>`
      select bytes from artifact_chunks where content_id = ${id} and "index" = ${index}`.execute(db)
    const [chunk] = rows
    if (!chunk) throw new Error(`read chunk ${index} of artifact "${id}": it was removed meanwhile`)
    const from = index * chunkBytes
    yield chunk.bytes.subarray(Math.max(0, start - from), end - from + 1)
  }
}

/** From now on nobody finds what has this name; returns its id. */
async function unname(db: Db, name: ArtifactName): Promise<string | undefined> {
  checkArtifactName(name)
  const { rows } = await sql<{ id: string }>`
    update artifact_contents set version = null where ${isNamed(name)}
    returning id`.execute(db)
  return rows[0]?.id
}

/** Nobody finds it any more: what cannot be removed now goes at a later start. */
async function tidy(db: Db, id: string): Promise<void> {
  await removeUnnamed(db, id).catch(() => {})
}

/** Step by step: deleting much takes long, and a statement may not. */
async function removeUnnamed(db: Db, id: string): Promise<void> {
  for (let gone = chunksAtOnce; gone === chunksAtOnce; ) {
    // Waits for whoever is naming it at the moment, also where the answer to that was lost.
    const { numAffectedRows } = await sql`
      with content as (select id from artifact_contents where id = ${id} and version is null for update)
      delete from artifact_chunks using content where content_id = content.id and "index" in
        (select "index" from artifact_chunks where content_id = ${id} limit ${sql.lit(chunksAtOnce)})`.execute(
      db,
    )
    gone = Number(numAffectedRows)
  }
  await sql`delete from artifact_contents where id = ${id} and version is null`.execute(db)
}

/** What a crash has left: uploads without a name, and names whose row was not written any more, or was deleted before. */
async function sweep(db: Db, isKnown: ArtifactsOptions['isKnown']): Promise<void> {
  const { rows } = await sql<{ id: string } & (ArtifactName | { version: null })>`
    select id, version, os, arch from artifact_contents
    where created_at < now() - interval '1 day'`.execute(db)
  for (const { id, ...name } of rows) {
    if (name.version !== null && (await isKnown(name))) continue
    await sql`update artifact_contents set version = null where id = ${id}`.execute(db)
    await removeUnnamed(db, id)
  }
}

function isNamed({ version, os, arch }: ArtifactName) {
  return sql`version = ${version} and os = ${os} and arch = ${arch}`
}

const schema = [
  `create table if not exists artifact_contents (
    id text collate "C" primary key,
    version text collate "C", os text collate "C", arch text collate "C", size bigint, checksum text collate "C",
    created_at timestamptz not null default now(),
    unique (version, os, arch))`,
  `create table if not exists artifact_chunks (
    content_id text collate "C" not null references artifact_contents on delete cascade,
    "index" integer not null, bytes bytea not null,
    primary key (content_id, "index"))`,
]
