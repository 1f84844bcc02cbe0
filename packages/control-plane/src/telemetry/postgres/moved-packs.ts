import { type QueryExecutorProvider, sql } from 'kysely'
import { openBeside } from '../../store/postgres/beside.ts'
import type { PostgresPlace } from '../../store/postgres/place.ts'
import { type RecordKind, recordKinds } from '../packs/kinds.ts'
import type { PackRow } from '../partition.ts'
import type { Mark } from '../partition-tables.ts'
import { beginPartition, type Connection, lockHead } from './head.ts'
import { insertPlacement } from './insert.ts'
import { createPartitions } from './partitions.ts'
import type { Placement } from './placement.ts'
import { telemetrySchema } from './tables.ts'

/** A pack with all that is stored of it, wherever that is. */
export interface StoredPack extends PackRow {
  min_at: number
  max_at: number
  /** Lists in JSON. */
  units: string | null
  severities: string | null
  is_escaped: number
  text_bytes: number
  words: Uint8Array
}

export const packColumns = [
  ...['last_id', 'count', 'tenant_id', 'node_id', 'received_at', 'min_at', 'max_at'],
  ...['units', 'severities', 'is_escaped', 'text_bytes', 'words', 'body'],
] as const satisfies readonly (keyof StoredPack)[]

/** Takes packs as they were stored elsewhere, with their ids, while nobody serves from the database. */
export interface MovedPacks extends AsyncDisposable {
  /** Removes all that there is. Waits for what another process has begun that was killed. */
  clear(): Promise<void>
  /** Resolves to its number. */
  begin(kind: RecordKind, beganAtMs: number): Promise<number>
  /** In one transaction. */
  put(kind: RecordKind, number: number, packs: readonly StoredPack[]): Promise<void>
  /** All of a partition in the order of their ids, some at a time. */
  packsOf(kind: RecordKind, number: number): AsyncGenerator<readonly StoredPack[]>
  /** How far nodes have come, and behind which id the next one is given. */
  settle(kind: RecordKind, progress: { lastId: number; marks: readonly Mark[] }): Promise<void>
}

/** What is read at once: so many packs, or those of so many bytes and one more. */
const pagePacks = 500
const pageBytes = 4 * 1024 * 1024

export async function openMovedPacks(place: PostgresPlace): Promise<MovedPacks> {
  const db = await openBeside<unknown>(place, { schema: telemetrySchema, max: 1 })
  const locked = (kind: RecordKind, work: (tx: Connection) => Promise<void>): Promise<void> =>
    db.transaction().execute(async (tx) => {
      await lockHead(tx, kind)
      await work(tx)
    })
  return {
    async clear() {
      for (const kind of recordKinds) await clearKind(db, kind)
    },
    begin: (kind, beganAtMs) =>
      db.transaction().execute(async (tx) => {
        const head = await lockHead(tx, kind)
        const options = { head, nowMs: beganAtMs, isNode: () => true }
        return (await beginPartition(tx, kind, options)).number
      }),
    put: (kind, number, packs) =>
      locked(kind, (tx) => insertPlacement(tx, kind, number, placementOf(packs))),
    packsOf: (kind, number) => readPacks(db, kind, number),
    settle: (kind, progress) =>
      db.transaction().execute(async (tx) => {
        const { number } = await lockHead(tx, kind)
        await insertPlacement(tx, kind, number, { written: [], placed: [], ...progress })
      }),
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

/** Whether any was ever written there. */
export async function hasPacks(db: QueryExecutorProvider): Promise<boolean> {
  const { rows } = await sql<{ it: string | null }>`
    select to_regclass('telemetry_heads')::text as it`.execute(db)
  if (rows[0]?.it === null) return false
  const { rows: begun } = await sql`select 1 from telemetry_heads where number > 0`.execute(db)
  return begun.length > 0
}

async function clearKind(db: Connection, kind: RecordKind): Promise<void> {
  const partitions = createPartitions(db)
  for (const partition of await partitions.of(kind)) await partitions.drop(kind, partition)
  if ((await partitions.of(kind)).length > 0)
    throw new Error(
      `remove what an earlier attempt has copied of ${kind}: another process reads it: end that, and try again`,
    )
  await db.transaction().execute(async (tx) => {
    await lockHead(tx, kind)
    await sql`delete from telemetry_marks where kind = ${kind}`.execute(tx)
    await sql`update telemetry_heads set number = 0, began_at = 0, last_id = 0 where kind = ${kind}`.execute(
      tx,
    )
  })
}

function placementOf(packs: readonly StoredPack[]): Placement {
  const placed = packs.map((pack) => ({
    source: { tenant_id: pack.tenant_id, node_id: pack.node_id },
    receivedAtMs: pack.received_at,
    lastId: pack.last_id,
    pack: {
      count: pack.count,
      times: { minMs: pack.min_at, maxMs: pack.max_at, isEach: true },
      units: listOf(pack.units),
      severities: listOf(pack.severities),
      isEscaped: pack.is_escaped === 1,
      words: pack.words,
      body: pack.body,
      textBytes: pack.text_bytes,
      ...{ from: 0, to: pack.count, places: undefined },
    },
  }))
  return { written: [], placed, marks: [], lastId: packs.at(-1)?.last_id ?? 0 }
}

function listOf(json: string | null): string[] | undefined {
  return json === null ? undefined : JSON.parse(json)
}

async function* readPacks(
  db: Connection,
  kind: RecordKind,
  number: number,
): AsyncGenerator<readonly StoredPack[]> {
  const columns = sql.join(packColumns.map((column) => sql.ref(column)))
  for (let last = 0; ; ) {
    const { rows } = await sql<StoredPack>`
      select ${columns} from telemetry_packs where kind = ${kind} and number = ${number} and last_id in (
        select last_id from (
          select last_id, sum(bytes) over (order by last_id) - bytes as bytes_before from (
            select last_id, bytes from telemetry_packs where kind = ${kind} and number = ${number} and last_id > ${last}
            order by last_id limit ${sql.lit(pagePacks)}) as page) as sized
        where bytes_before < ${sql.lit(pageBytes)})
      order by last_id`.execute(db)
    const end = rows.at(-1)
    if (!end) return
    yield rows
    last = end.last_id
  }
}
