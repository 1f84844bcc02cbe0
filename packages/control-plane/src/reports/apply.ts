import { ApiError } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Tx } from '../store/db.ts'
import { continues, describeBatch, type LastBatch } from './last-batch.ts'
import { type HeldReport, mergeReports, type ReportBatch, type ReportMerge } from './merge.ts'
import type { ReportedEntry } from './reported-entry.ts'

export interface AppliedReports {
  digest: string
  conflicts: ReportMerge['conflicts']
  /** Entries that were left out because the node holds too many, or too large ones. */
  overflow: number
}

/** What may be held of a node; what goes beyond is left out. */
export interface ReportRoom {
  keys: number
  bytes: number
}

/** Merges a batch into what is held of a node. `lostDigest` names the batch whose answer is known to be lost. */
export async function applyReports(
  tx: Tx,
  nodeId: string,
  batch: ReportBatch,
  { lostDigest, room }: { lostDigest: string | undefined; room: ReportRoom },
): Promise<AppliedReports> {
  await refuseRemoved(tx, nodeId)
  const held = await readHeld(tx, nodeId, batch)
  const last = await readLastBatch(tx, nodeId)
  const isAgain = last && (last.digest === lostDigest || continues(batch, last))
  const wasHeld = (key: string): boolean =>
    (isAgain && Object.hasOwn(last.held_before, key) ? last.held_before[key] : undefined) ??
    held.has(key)

  const merge = mergeReports(held, batch, wasHeld)
  await removeReports(tx, nodeId, merge.removed)
  const rows = merge.put.map((entry) => rowOf(nodeId, entry))
  const put = fitting(rows, held, roomLeft(room, await measureReports(tx, nodeId)))
  await putReports(tx, put)
  const { digest, held_before } = describeBatch(batch, wasHeld)
  await writeLastBatch(tx, nodeId, { digest, held_before })
  return { digest, conflicts: merge.conflicts, overflow: merge.put.length - put.length }
}

/** A body may end after its node was removed: nothing would ever take its rows away. */
async function refuseRemoved(tx: Tx, nodeId: string): Promise<void> {
  const node = await tx
    .selectFrom('nodes')
    .select('removed_at')
    .where('id', '=', nodeId)
    .executeTakeFirst()
  if (node?.removed_at !== null) throw new ApiError('unauthorized', 'unauthorized')
}

type ReportRow = ReturnType<typeof rowOf>

function rowOf(node_id: string, entry: ReportedEntry) {
  const { key, content_type, payload, version, updated_at, written_by = null } = entry
  return { node_id, key, content_type, payload, version, updated_at, written_by }
}

function roomLeft(room: ReportRoom, taken: ReportRoom): ReportRoom {
  return { keys: room.keys - taken.keys, bytes: room.bytes - taken.bytes }
}

/** Those for which there is room, in their order. One that becomes smaller always fits. */
function fitting(
  rows: readonly ReportRow[],
  held: ReadonlyMap<string, { bytes: number }>,
  room: ReportRoom,
): ReportRow[] {
  const left = { ...room }
  return rows.filter((row) => {
    const before = held.get(row.key)
    const bytes = bytesOf(row) - (before?.bytes ?? 0)
    if ((!before && left.keys < 1) || (bytes > 0 && bytes > left.bytes)) return false
    left.keys -= before ? 0 : 1
    left.bytes -= bytes
    return true
  })
}

function bytesOf({ key, content_type, payload }: ReportRow): number {
  return Buffer.byteLength(key) + Buffer.byteLength(content_type) + Buffer.byteLength(payload)
}

/** The same of a row that is held. */
const heldBytes = sql<number>`octet_length(key) + octet_length(content_type) + octet_length(payload)`

/** Rows in one statement: a database takes only so many parameters. */
const chunk = 100

/** What is held of the keys in a batch. */
async function readHeld(
  tx: Tx,
  nodeId: string,
  { entries, deleted }: ReportBatch,
): Promise<Map<string, HeldReport & { bytes: number }>> {
  const held = new Map<string, HeldReport & { bytes: number }>()
  const keys = [...new Set([...entries.map(({ key }) => key), ...deleted])]
  for (const some of chunksOf(keys)) {
    const rows = await tx
      .selectFrom('reports')
      .select(['key', 'version', 'updated_at', heldBytes.as('bytes')])
      .where('node_id', '=', nodeId)
      .where('key', 'in', some)
      .execute()
    for (const row of rows) held.set(row.key, { ...row, bytes: Number(row.bytes) })
  }
  return held
}

async function measureReports(tx: Tx, nodeId: string): Promise<ReportRoom> {
  const { keys, bytes } = await tx
    .selectFrom('reports')
    .select(({ fn }) => [fn.countAll<number>().as('keys'), fn.sum<number>(heldBytes).as('bytes')])
    .where('node_id', '=', nodeId)
    .executeTakeFirstOrThrow()
  return { keys: Number(keys), bytes: Number(bytes) }
}

async function removeReports(tx: Tx, nodeId: string, keys: readonly string[]): Promise<void> {
  for (const some of chunksOf(keys))
    await tx.deleteFrom('reports').where('node_id', '=', nodeId).where('key', 'in', some).execute()
}

async function putReports(tx: Tx, rows: readonly ReportRow[]): Promise<void> {
  for (const some of chunksOf(rows)) {
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
