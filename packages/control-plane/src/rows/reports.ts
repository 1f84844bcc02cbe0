import { sql } from 'kysely'
import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from './page.ts'

/** A node's report entry; the payload is JSON text, as the node wrote it. */
export type StoredReport = Row<'reports'>

/** What identifies one write of a report entry. */
export type ReportMark = Pick<StoredReport, 'key' | 'version' | 'updated_at'>

/** The number and size of a node's stored reports. */
export interface ReportRoom {
  keys: number
  bytes: number
}

/** The size that limits count, here and in SQL. */
export function reportBytes({
  key,
  content_type,
  payload,
}: Pick<StoredReport, 'key' | 'content_type' | 'payload'>): number {
  return Buffer.byteLength(key) + Buffer.byteLength(content_type) + Buffer.byteLength(payload)
}

const bytes = sql<number>`octet_length(key) + octet_length(content_type) + octet_length(payload)`

export function readReport(
  reader: Reader,
  nodeId: string,
  key: string,
): Promise<StoredReport | undefined> {
  return reportsOf(reader, nodeId).selectAll().where('key', '=', key).executeTakeFirst()
}

function reportsOf(reader: Reader, nodeId: string) {
  return reader.selectFrom('reports').where('node_id', '=', nodeId)
}

/** A node's entries after a key, ordered by key. */
export function readReportsAfter(
  reader: Reader,
  { nodeId, key }: { nodeId: string; key: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredReport>> {
  const reports = reportsOf(reader, nodeId).selectAll().where('key', '>', key).orderBy('key')
  return readPage(reports, sql`octet_length(payload)`, bounds, (report) => report)
}

/** Of all stored entries of a node. */
export function readReportMarks(reader: Reader, nodeId: string): Promise<ReportMark[]> {
  return reportsOf(reader, nodeId).select(['key', 'version', 'updated_at']).execute()
}

/** Rows per statement, because the number of parameters is limited. */
const chunk = 100

/** The stored entries of these keys. */
export async function readHeld(
  tx: Tx,
  nodeId: string,
  keys: readonly string[],
): Promise<Map<string, ReportMark & { bytes: number }>> {
  const held = new Map<string, ReportMark & { bytes: number }>()
  for (const some of chunksOf(keys)) {
    const rows = await reportsOf(tx, nodeId)
      .select(['key', 'version', 'updated_at', bytes.as('bytes')])
      .where('key', 'in', some)
      .execute()
    for (const row of rows) held.set(row.key, { ...row, bytes: Number(row.bytes) })
  }
  return held
}

export async function measureReports(tx: Tx, nodeId: string): Promise<ReportRoom> {
  const sum = await reportsOf(tx, nodeId)
    .select(({ fn }) => [fn.countAll<number>().as('keys'), fn.sum<number>(bytes).as('bytes')])
    .executeTakeFirstOrThrow()
  return { keys: Number(sum.keys), bytes: Number(sum.bytes) }
}

export async function putReports(tx: Tx, reports: readonly StoredReport[]): Promise<void> {
  for (const some of chunksOf(reports)) {
    await tx
      .insertInto('reports')
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(['node_id', 'key']).doUpdateSet((row) => ({
          content_type: row.ref('excluded.content_type'),
          payload: row.ref('excluded.payload'),
          version: row.ref('excluded.version'),
          updated_at: row.ref('excluded.updated_at'),
          written_by: row.ref('excluded.written_by'),
        })),
      )
      .execute()
  }
}

export async function deleteReports(
  tx: Tx,
  nodeId: string,
  keys: readonly string[],
): Promise<void> {
  for (const some of chunksOf(keys))
    await tx.deleteFrom('reports').where('node_id', '=', nodeId).where('key', 'in', some).execute()
}

/** Deletes all reports of a node, and the record of its last batch. */
export async function deleteReportsOf(tx: Tx, nodeId: string): Promise<void> {
  await tx.deleteFrom('reports').where('node_id', '=', nodeId).execute()
  await tx.deleteFrom('report_batches').where('node_id', '=', nodeId).execute()
}

function* chunksOf<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += chunk) yield items.slice(at, at + chunk)
}

/** The record of a node's last batch, in case its answer was lost. */
export interface LastBatch {
  /** The number of its entries, and their SHA-256. */
  digest: string
  /** For each of its keys: whether it existed before the batch was first sent. */
  held_before: Readonly<Record<string, boolean>>
}

export async function readLastBatch(tx: Tx, nodeId: string): Promise<LastBatch | undefined> {
  const row = await tx
    .selectFrom('report_batches')
    .select(['digest', 'keys_before'])
    .where('node_id', '=', nodeId)
    .executeTakeFirst()
  if (!row) return undefined
  const held_before = JSON.parse(row.keys_before) as LastBatch['held_before'] // written below
  return { digest: row.digest, held_before }
}

export async function writeLastBatch(tx: Tx, nodeId: string, last: LastBatch): Promise<void> {
  const values = { digest: last.digest, keys_before: JSON.stringify(last.held_before) }
  await tx
    .insertInto('report_batches')
    .values({ node_id: nodeId, ...values })
    .onConflict((conflict) => conflict.column('node_id').doUpdateSet(values))
    .execute()
}
