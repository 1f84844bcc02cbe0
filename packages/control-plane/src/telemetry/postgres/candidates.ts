import { sql } from 'kysely'
import type { PlainSearch } from '../search.ts'
import type { Connection } from './head.ts'

/** A pack of the time of a search. */
export interface Candidate {
  last_id: number
  number: number
  /** The time of the record of the pack that comes first in the order. */
  first: number
}

/** Most searches end with the first packs; then more are asked for at once. */
const firstFetch = 8
const maxFetch = 128

/** In a transaction: the packs of the time by the first of their records, some at a time. */
export async function* candidates(
  tx: Connection,
  query: PlainSearch,
): AsyncGenerator<readonly Candidate[]> {
  await openCursor(tx, query)
  for (let count = firstFetch; ; count = Math.min(2 * count, maxFetch)) {
    const { rows } = await sql<Candidate>`fetch ${sql.lit(count)} from found`.execute(tx)
    if (rows.length > 0) yield rows
    if (rows.length < count) return
  }
}

async function openCursor(
  tx: Connection,
  { kind, tenant_id, node_ids, sinceMs, untilMs, order, after }: PlainSearch,
): Promise<void> {
  const [by, direction] =
    order === 'newest' ? [sql.ref('max_at'), sql`desc`] : [sql.ref('min_at'), sql`asc`]
  const owner = node_ids ? sql`node_id = any(${node_ids})` : sql`tenant_id = ${tenant_id}`
  const since = order === 'oldest' && after ? Math.max(sinceMs, after.at) : sinceMs
  const until = order === 'newest' && after ? Math.min(untilMs, after.at) : untilMs
  await sql`declare found no scroll cursor for select last_id, number, ${by} as first from telemetry_packs
    where kind = ${kind} and ${owner} and max_at >= ${since} and min_at <= ${until}
    order by ${by} ${direction}`.execute(tx)
}
