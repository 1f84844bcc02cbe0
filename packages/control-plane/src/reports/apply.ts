import type { Entry } from '@plexd/protocol'
import type { Tx } from '../store/db.ts'
import { continues, describeBatch, type LastBatch } from './last-batch.ts'
import { type HeldReport, mergeReports, type ReportBatch, type ReportMerge } from './merge.ts'

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
  const held = await readHeld(tx, nodeId, batch)
  const last = await readLastBatch(tx, nodeId)
  const isAgain = last && (last.digest === lostDigest || continues(batch, last))
  const wasHeld = (key: string): boolean =>
    (isAgain && Object.hasOwn(last.held_before, key) ? last.held_before[key] : undefined) ??
    held.has(key)

  const merge = mergeReports(held, batch, wasHeld)
  await removeReports(tx, nodeId, merge.removed)
  const put = fitting(merge.put, held, maxReportKeys - (await countReports(tx, nodeId)))
  await putReports(tx, nodeId, put)
  const { digest, held_before } = describeBatch(batch, wasHeld)
  await writeLastBatch(tx, nodeId, { digest, held_before })
  return { digest, conflicts: merge.conflicts, overflow: merge.put.length - put.length }
}

function fitting(put: readonly Entry[], held: ReadonlyMap<string, unknown>, room: number): Entry[] {
  let left = room
  return put.filter(({ key }) => held.has(key) || left-- > 0)
}

/** Rows in one statement: a database takes only so many parameters. */
const chunk = 100

/** What is held of the keys in a batch. */
async function readHeld(
  tx: Tx,
  nodeId: string,
  { entries, deleted }: ReportBatch,
): Promise<Map<string, HeldReport>> {
  const held = new Map<string, HeldReport>()
  const keys = [...new Set([...entries.map(({ key }) => key), ...deleted])]
  for (const some of chunksOf(keys)) {
    const rows = await tx
      .selectFrom('reports')
      .select(['key', 'version', 'updated_at'])
      .where('node_id', '=', nodeId)
      .where('key', 'in', some)
      .execute()
    for (const row of rows) held.set(row.key, row)
  }
  return held
}

async function countReports(tx: Tx, nodeId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('reports')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('node_id', '=', nodeId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

async function removeReports(tx: Tx, nodeId: string, keys: readonly string[]): Promise<void> {
  for (const some of chunksOf(keys))
    await tx.deleteFrom('reports').where('node_id', '=', nodeId).where('key', 'in', some).execute()
}

async function putReports(tx: Tx, nodeId: string, entries: readonly Entry[]): Promise<void> {
  for (const some of chunksOf(entries)) {
    const rows = some.map(({ key, content_type, payload, version, updated_at }) => ({
      node_id: nodeId,
      key,
      content_type,
      payload: JSON.stringify(payload ?? null),
      version,
      updated_at,
    }))
    await tx
      .insertInto('reports')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['node_id', 'key']).doUpdateSet((row) => ({
          content_type: row.ref('excluded.content_type'),
          payload: row.ref('excluded.payload'),
          version: row.ref('excluded.version'),
          updated_at: row.ref('excluded.updated_at'),
        })),
      )
      .execute()
  }
}

function* chunksOf<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += chunk) yield items.slice(at, at + chunk)
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
