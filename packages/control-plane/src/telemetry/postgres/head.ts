import { type Kysely, sql } from 'kysely'
import type { RecordKind } from '../packs/kinds.ts'

/** In a transaction, or out of one. */
export type Connection = Kysely<unknown>

/** Where a kind is. */
export interface Head {
  /** Of the newest partition; 0 before the first one. */
  number: number
  began_at: number
  /** Of the last record. */
  last_id: number
}

/** Until the end of the transaction nobody else writes or removes anything of the kind. */
export function lockHead(tx: Connection, kind: RecordKind): Promise<Head> {
  return selectHead(tx, kind, sql`for update`)
}

export function readHead(db: Connection, kind: RecordKind): Promise<Head> {
  return selectHead(db, kind, sql``)
}

async function selectHead(
  db: Connection,
  kind: RecordKind,
  lock: ReturnType<typeof sql>,
): Promise<Head> {
  const { rows } = await sql<Head>`
    select number, began_at, last_id from telemetry_heads where kind = ${kind} ${lock}`.execute(db)
  const [head] = rows
  if (!head) throw new Error(`telemetry "${kind}" has no head in the database`) // made at the opening
  return head
}

/**
 * Whether a pack that comes now belongs to the newest partition. Clocks of several machines are not the same: one that is behind does not
 * begin another, unless it is behind by more than a whole one, as after it was set wrong.
 */
export function isOfNow({ number, began_at }: Head, nowMs: number, partitionMs: number): boolean {
  const days = Math.floor(nowMs / partitionMs) - Math.floor(began_at / partitionMs)
  return number > 0 && (days === 0 || days === -1)
}

/** Under the lock of the head: the next partition, without which nothing of it can be written. */
export async function beginPartition(
  tx: Connection,
  kind: RecordKind,
  { head, nowMs, isNode }: { head: Head; nowMs: number; isNode: (id: string) => boolean },
): Promise<Head> {
  const number = head.number + 1
  const all = sql.table(`telemetry_packs_${kind}`)
  const partition = sql.table(partitionTable(kind, number))
  // To attach one lets others read and write meanwhile; to create it as a partition would not.
  await sql`create table ${partition} (like ${all} including all)`.execute(tx)
  await sql`alter table ${all} attach partition ${partition} for values in (${sql.lit(number)})`.execute(
    tx,
  )
  await sql`insert into telemetry_partitions values (${kind}, ${number})`.execute(tx)
  await sql`update telemetry_heads set number = ${number}, began_at = ${nowMs} where kind = ${kind}`.execute(
    tx,
  )
  await forgetMarks(tx, kind, { before: head.number, isNode })
  return { ...head, number, began_at: nowMs }
}

export function partitionTable(kind: RecordKind, number: number): string {
  return `telemetry_packs_${kind}_${number}`
}

/** Of nodes that are gone. One that has joined since this control plane has lost its turn is unknown here, so a mark stays for a whole partition. */
async function forgetMarks(
  tx: Connection,
  kind: RecordKind,
  { before, isNode }: { before: number; isNode: (id: string) => boolean },
): Promise<void> {
  const { rows } = await sql<{ node_id: string }>`
    select node_id from telemetry_marks where kind = ${kind} and number < ${before}`.execute(tx)
  const gone = rows.map(({ node_id }) => node_id).filter((id) => !isNode(id))
  if (gone.length > 0)
    await sql`delete from telemetry_marks where kind = ${kind} and node_id = any(${gone})`.execute(
      tx,
    )
}
