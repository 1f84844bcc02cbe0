import { ApiError } from '@plexd/protocol'
import { isPresent } from '../rows/fleet/node-lookups.ts'
import {
  deleteReports,
  measureReports,
  putReports,
  type ReportRoom,
  readHeld,
  readLastBatch,
  reportBytes,
  type StoredReport,
  writeLastBatch,
} from '../rows/reports.ts'
import type { Tx } from '../store/db.ts'
import { continues, describeBatch } from './last-batch.ts'
import { mergeReports, type ReportBatch, type ReportedEntry, type ReportMerge } from './merge.ts'

export interface AppliedReports {
  digest: string
  conflicts: ReportMerge['conflicts']
  /** Entries left out because the node has too many, or too large ones. */
  overflow: number
}

/**
 * Merges a batch into a node's stored reports; entries beyond `room` are left out. `lostDigest` names the batch whose
 * answer is known to be lost.
 */
export async function applyReports(
  tx: Tx,
  nodeId: string,
  batch: ReportBatch,
  { lostDigest, room }: { lostDigest: string | undefined; room: ReportRoom },
): Promise<AppliedReports> {
  // The node may be removed while its body arrives; rows written after that would never be deleted.
  if (!(await isPresent(tx, nodeId))) throw new ApiError('unauthorized', 'unauthorized')
  const held = await readHeld(tx, nodeId, keysOf(batch))
  const last = await readLastBatch(tx, nodeId)
  const isAgain = last && (last.digest === lostDigest || continues(batch, last))
  const wasHeld = (key: string): boolean =>
    (isAgain && Object.hasOwn(last.held_before, key) ? last.held_before[key] : undefined) ??
    held.has(key)

  const merge = mergeReports(held, batch, wasHeld)
  await deleteReports(tx, nodeId, merge.removed)
  const rows = merge.put.map((entry) => reportOf(nodeId, entry))
  const put = fitting(rows, held, roomLeft(room, await measureReports(tx, nodeId)))
  await putReports(tx, put)
  const { digest, held_before } = describeBatch(batch, wasHeld)
  await writeLastBatch(tx, nodeId, { digest, held_before })
  return { digest, conflicts: merge.conflicts, overflow: merge.put.length - put.length }
}

function keysOf({ entries, deleted }: ReportBatch): string[] {
  return [...new Set([...entries.map(({ key }) => key), ...deleted])]
}

function reportOf(node_id: string, entry: ReportedEntry): StoredReport {
  const { key, content_type, payload, version, updated_at, written_by = null } = entry
  return { node_id, key, content_type, payload, version, updated_at, written_by }
}

function roomLeft(room: ReportRoom, taken: ReportRoom): ReportRoom {
  return { keys: room.keys - taken.keys, bytes: room.bytes - taken.bytes }
}

/** The entries within the limit, in order. One that becomes smaller always fits. */
function fitting(
  rows: readonly StoredReport[],
  held: ReadonlyMap<string, { bytes: number }>,
  room: ReportRoom,
): StoredReport[] {
  const left = { ...room }
  return rows.filter((row) => {
    const before = held.get(row.key)
    const bytes = reportBytes(row) - (before?.bytes ?? 0)
    if ((!before && left.keys < 1) || (bytes > 0 && bytes > left.bytes)) return false
    left.keys -= before ? 0 : 1
    left.bytes -= bytes
    return true
  })
}
