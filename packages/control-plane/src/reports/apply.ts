import type { Entry } from '@plexd/protocol'
import type { Tx } from '../store/db.ts'
import { continues, describeBatch, type LastBatch } from './last-batch.ts'
import { mergeReports, type ReportBatch, type ReportMerge } from './merge.ts'

/** A node may hold this many; what goes beyond is left out. */
export const maxReportKeys = 10_000

export interface AppliedReports {
  digest: string
  conflicts: ReportMerge['conflicts']
  /** Entries that were left out because the node holds too many. */
  overflow: number
}

/** Merges a batch into what is held of a node. `lostDigest` names the batch whose answer is known to be lost. */
export async function applyReports(
  tx: Tx,
  nodeId: string,
  batch: ReportBatch,
  lostDigest: string | undefined,
): Promise<AppliedReports> {
  const rows = await tx
    .selectFrom('reports')
    .select(['key', 'version', 'updated_at'])
    .where('node_id', '=', nodeId)
    .execute()
  const held = new Map(rows.map((row) => [row.key, row]))
  const last = await readLastBatch(tx, nodeId)
  const isAgain = last && (last.digest === lostDigest || continues(batch, last))
  const wasHeld = (key: string): boolean =>
    (isAgain && Object.hasOwn(last.held_before, key) ? last.held_before[key] : undefined) ??
    held.has(key)

  const merge = mergeReports(held, batch, wasHeld)
  const room = maxReportKeys - held.size + merge.removed.length
  const put = fitting(merge.put, held, room)
  for (const key of merge.removed)
    await tx.deleteFrom('reports').where('node_id', '=', nodeId).where('key', '=', key).execute()
  for (const entry of put) await putReport(tx, nodeId, entry)
  const { digest, held_before } = describeBatch(batch, wasHeld)
  await writeLastBatch(tx, nodeId, { digest, held_before })
  return { digest, conflicts: merge.conflicts, overflow: merge.put.length - put.length }
}

function fitting(put: readonly Entry[], held: ReadonlyMap<string, unknown>, room: number): Entry[] {
  let left = room
  return put.filter(({ key }) => held.has(key) || left-- > 0)
}

async function putReport(tx: Tx, nodeId: string, entry: Entry): Promise<void> {
  const values = {
    content_type: entry.content_type,
    payload: JSON.stringify(entry.payload ?? null),
    version: entry.version,
    updated_at: entry.updated_at,
  }
  await tx
    .insertInto('reports')
    .values({ node_id: nodeId, key: entry.key, ...values })
    .onConflict((conflict) => conflict.columns(['node_id', 'key']).doUpdateSet(values))
    .execute()
}

async function readLastBatch(tx: Tx, nodeId: string): Promise<LastBatch | undefined> {
  const row = await tx
    .selectFrom('report_batches')
    .select(['digest', 'keys_before'])
    .where('node_id', '=', nodeId)
    .executeTakeFirst()
  if (!row) return undefined
  const held_before = JSON.parse(row.keys_before) as LastBatch['held_before'] // written below
  return { digest: row.digest, held_before }
}

async function writeLastBatch(tx: Tx, nodeId: string, last: LastBatch): Promise<void> {
  const values = { digest: last.digest, keys_before: JSON.stringify(last.held_before) }
  await tx
    .insertInto('report_batches')
    .values({ node_id: nodeId, ...values })
    .onConflict((conflict) => conflict.column('node_id').doUpdateSet(values))
    .execute()
}
