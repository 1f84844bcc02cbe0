import { Readable } from 'node:stream'
import { createSerialQueue, handOver } from '@plexd/runtime'
import { sql } from 'kysely'
import { limits } from '../limits.ts'
import { openBeside } from '../store/postgres/beside.ts'
import type { PostgresPlace } from '../store/postgres/place.ts'
import { cut } from './cut.ts'
import { measure } from './measure.ts'
import {
  type Db,
  findContent,
  nameContent,
  removeContent,
  schema,
  sweep,
  tidy,
} from './postgres-contents.ts'
import type { ArtifactName, ArtifactStore, Bytes, ReceivedArtifact } from './store.ts'

/** Of a chunk: what a download holds in memory while its client is slow. */
const chunkBytes = 128 * 1024
/** Of more downloads at the same moment some would wait for a connection for longer than one is waited for: these wait here. */
const readsAtOnce = 3

interface ArtifactsOptions {
  /** Whether the state has an artifact of this name. */
  isKnown(name: ArtifactName): Promise<boolean>
  lockWaitMs?: number
}

/**
 * Artifacts in PostgreSQL. Removes what has been lying about for a day: younger uploads may be those that a control plane is still receiving that
 * has lost its turn.
 */
export async function openPostgresArtifacts(
  place: PostgresPlace,
  { isKnown, lockWaitMs = limits.database_lock_wait.default }: ArtifactsOptions,
): Promise<ArtifactStore & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const db: Db = stack.use(await openBeside<never>(place, { schema, lockWaitMs }))
  await sweep(db, isKnown)
  const readChunk = createChunkReader(db)
  return {
    receive: (content, options) => receive(db, measure(content, options)),
    async open(name) {
      const content = await findContent(db, name)
      if (!content) return undefined
      const { id, size, checksum } = content
      const read = (bytes: Bytes): Readable =>
        Readable.from(
          piecesOf((index) => readChunk(id, index), bytes),
          { objectMode: false },
        )
      return { size, checksum, read, close: async () => {} }
    },
    remove: (name) => removeContent(db, name),
    exclusive: createSerialQueue(),
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
    const keep = (name: ArtifactName): Promise<void> => nameContent(db, name, { id, ...found })
    return { ...found, keep, [Symbol.asyncDispose]: discard }
  } catch (error) {
    await discard()
    throw error
  }
}

/** Between two chunks nothing is held, however long the next is not asked for. */
async function* piecesOf(
  readChunk: (index: number) => Promise<Uint8Array>,
  { start, end }: Bytes,
): AsyncGenerator<Uint8Array> {
  for (let index = Math.floor(start / chunkBytes); index * chunkBytes <= end; index++) {
    const chunk = await readChunk(index)
    const from = index * chunkBytes
    yield chunk.subarray(Math.max(0, start - from), end - from + 1)
  }
}

function createChunkReader(db: Db) {
  const queues = Array.from({ length: readsAtOnce }, () => createSerialQueue())
  return async (id: string, index: number): Promise<Uint8Array> => {
    const inTurn = queues[index % readsAtOnce]
    const found = await inTurn?.(() =>
      sql<{ bytes: Uint8Array }>`
        select bytes from artifact_chunks where content_id = ${id} and "index" = ${index}`.execute(
        db,
      ),
    )
    const bytes = found?.rows[0]?.bytes
    if (!bytes) throw new Error(`read chunk ${index} of artifact "${id}": it was removed meanwhile`)
    return bytes
  }
}
