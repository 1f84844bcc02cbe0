import { sql } from 'kysely'
import type { RecordKind } from '../packs/kinds.ts'
import { spanOf } from '../packs/pack.ts'
import type { Mark } from '../partition-tables.ts'
import type { Connection } from './head.ts'
import type { Placement } from './placement.ts'
import { rowBytes } from './tables.ts'

/** Rows of one statement: it has sixteen values for each, and there is a bound of 65,535. */
const maxRows = 500

export async function readMarks(
  tx: Connection,
  kind: RecordKind,
  nodeIds: readonly string[],
): Promise<Mark[]> {
  if (nodeIds.length === 0) return []
  const { rows } = await sql<Mark>`
    select node_id, epoch, next from telemetry_marks where kind = ${kind} and node_id = any(${nodeIds})`.execute(
    tx,
  )
  return rows
}

/** Under the lock of the head: packs, what their nodes hold, how far they have come, and the last id. */
export async function insertPlacement(
  tx: Connection,
  kind: RecordKind,
  number: number,
  { placed, marks, lastId }: Placement,
): Promise<void> {
  for (let at = 0; at < placed.length; at += maxRows)
    await insertPacks(tx, kind, number, placed.slice(at, at + maxRows))
  const held = heldBy(placed)
  await sql`with
    marked as (
      insert into telemetry_marks (kind, node_id, epoch, next, number)
      select ${kind}, node_id, epoch, next, ${number}::integer from unnest(
        ${marks.map(({ node_id }) => node_id)}::text[], ${marks.map(({ epoch }) => epoch)}::text[], ${marks.map(({ next }) => next)}::bigint[]
      ) as mark (node_id, epoch, next)
      on conflict (kind, node_id) do update set epoch = excluded.epoch, next = excluded.next, number = excluded.number),
    held as (
      insert into telemetry_holdings (kind, number, node_id, tenant_id, bytes, records)
      select ${kind}, ${number}::integer, node_id, tenant_id, bytes, records from unnest(
        ${held.map(({ node_id }) => node_id)}::text[], ${held.map(({ tenant_id }) => tenant_id)}::text[], ${held.map(({ bytes }) => bytes)}::bigint[],
        ${held.map(({ records }) => records)}::bigint[]
      ) as holding (node_id, tenant_id, bytes, records)
      on conflict (kind, number, node_id, tenant_id) do update set
        bytes = telemetry_holdings.bytes + excluded.bytes, records = telemetry_holdings.records + excluded.records)
    update telemetry_heads set last_id = ${lastId} where kind = ${kind}`.execute(tx)
}

async function insertPacks(
  tx: Connection,
  kind: RecordKind,
  number: number,
  placed: Placement['placed'],
): Promise<void> {
  const rows = placed.map((one) => sql`(${sql.join(valuesOf(kind, number, one))})`)
  await sql`insert into telemetry_packs (
    last_id, number, kind, count, tenant_id, node_id, received_at, min_at, max_at, units, severities, is_escaped, text_bytes, bytes, words, body
    ) values ${sql.join(rows)}`.execute(tx)
}

function valuesOf(
  kind: RecordKind,
  number: number,
  { source, receivedAtMs, pack, lastId }: Placement['placed'][number],
): unknown[] {
  const { minMs, maxMs } = spanOf(pack.times, receivedAtMs)
  return [
    ...[lastId, number, kind, pack.count, source.tenant_id, source.node_id, receivedAtMs],
    ...[minMs, maxMs, listed(pack.units), listed(pack.severities), Number(pack.isEscaped)],
    ...[pack.textBytes, bytesOf(pack), pack.words, pack.body],
  ]
}

function listed(values: readonly string[] | undefined): string | null {
  return values ? JSON.stringify(values) : null
}

function bytesOf({ body, words }: { body: Uint8Array; words: Uint8Array }): number {
  return body.length + words.length + rowBytes
}

function heldBy(placed: Placement['placed']) {
  const ofNodes = Map.groupBy(placed, ({ source }) => `${source.tenant_id} ${source.node_id}`)
  return Array.from(ofNodes.values(), (ofNode) => ({
    ...ofNode[0]?.source,
    bytes: ofNode.reduce((sum, { pack }) => sum + bytesOf(pack), 0),
    records: ofNode.reduce((sum, { pack }) => sum + pack.count, 0),
  }))
}
