import { sql } from 'kysely'
import type { RecordKind } from '../packs/kinds.ts'
import type { PackRow } from '../partition.ts'
import type { Connection } from './head.ts'

/** Packs of one page, which is read at once, and the bytes of their texts beyond which there are no more. */
const pagePacks = 100
const pageBytes = 2 * 1024 * 1024

export interface PageQuery {
  kind: RecordKind
  after: number
  /** Of one node or tenant; without it, of all. */
  owner?: { column: 'node_id' | 'tenant_id'; id: string }
  sinceMs?: number
}

/** Packs in the order of arrival, some read at a time. */
export async function* packsAfter(
  db: Connection,
  { kind, after, owner, sinceMs = 0 }: PageQuery,
): AsyncGenerator<PackRow> {
  const isOwned = owner ? sql`and ${sql.ref(owner.column)} = ${owner.id}` : sql``
  for (let last = after; ; ) {
    const { rows } = await sql<PackRow>`
      select last_id, count, tenant_id, node_id, received_at, body from (
        select *, sum(text_bytes) over (order by last_id) - text_bytes as bytes_before from (
          select last_id, count, tenant_id, node_id, received_at, body, text_bytes from telemetry_packs
          where kind = ${kind} and last_id > ${last} and received_at >= ${sinceMs} ${isOwned}
          order by last_id limit ${sql.lit(pagePacks)}) as page) as sized
      where bytes_before < ${sql.lit(pageBytes)} order by last_id`.execute(db)
    yield* rows
    const end = rows.at(-1)
    if (!end) return
    last = end.last_id
  }
}
