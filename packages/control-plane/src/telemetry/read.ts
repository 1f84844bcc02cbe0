import { recordsOf, storedText } from './packs/pack.ts'
import type { PackRow, Partition } from './partition.ts'
import { damagedPack, unknownIds } from './partition-tables.ts'
import type { ArrivalPage, RecordQuery, StoredRecord } from './store.ts'

/** Of one node, or of all of a tenant, in the order of arrival. The partitions are in their order. */
export function listRecords(partitions: readonly Partition[], query: RecordQuery): StoredRecord[] {
  const { sinceMs = 0, after = 0, limit, maxBytes = Number.POSITIVE_INFINITY } = query
  const [owner, id] =
    'node_id' in query ? ['node_id = ?', query.node_id] : ['tenant_id = ?', query.tenant_id]
  const found: StoredRecord[] = []
  let bytes = 0
  for (const partition of partitions) {
    const { database, lastId, lastReceivedAtMs } = partition
    if (lastId() <= after || lastReceivedAtMs() < sinceMs) continue
    const rows = database
      .prepare(`${selectRows} where ${owner} and last_id > ? and received_at >= ? order by last_id`)
      .iterate(id, after, sinceMs)
    for (const row of rows)
      for (const stored of unpacked(row as unknown as PackRow, after, partition.noteDamage)) {
        found.push(stored)
        bytes += Buffer.byteLength(stored.record)
        if (found.length === limit || (bytes > maxBytes && found.length > 1)) return found
      }
  }
  return found
}

/** Of all tenants, in the order of arrival. A cursor ahead of all is of a store that was there before, and is as none. */
export function readArrivals(
  partitions: readonly Partition[],
  {
    after,
    limit,
    maxBytes = Number.POSITIVE_INFINITY,
  }: { after: number; limit: number; maxBytes?: number | undefined },
): ArrivalPage {
  const records: ArrivalPage['records'] = []
  const newest = Math.max(0, ...partitions.map(({ lastId }) => lastId()))
  const isOther = after > newest
  const start = isOther ? 0 : after
  let last = start
  let bytes = 0
  // Ids of a kind follow each other without a hole, until some are removed.
  const page = (): ArrivalPage => ({
    records,
    removed: isOther ? 0 : (last - start - records.length) % unknownIds,
    cursor: String(last),
  })
  for (const partition of partitions) {
    const { database, lastId } = partition
    if (lastId() <= last) continue
    const rows = database.prepare(`${selectRows} where last_id > ? order by last_id`).iterate(last)
    for (const row of rows) {
      const { tenant_id } = row as unknown as PackRow // the columns of the select
      for (const stored of unpacked(row as unknown as PackRow, last, partition.noteDamage)) {
        records.push({ ...stored, tenant_id })
        last = stored.id
        bytes += stored.record.length
        if (records.length === limit || bytes > maxBytes) return page()
      }
      // What is damaged counts as removed.
      last = (row as unknown as PackRow).last_id
    }
  }
  return page()
}

const selectRows = 'select last_id, count, tenant_id, node_id, received_at, body from packs'

/** Records of a pack behind an id; none of one that is damaged. */
export function* unpacked(
  { last_id, count, node_id, received_at, body }: PackRow,
  after: number,
  noteDamage: (reason: string) => void,
): Generator<StoredRecord> {
  const text = storedText(body)
  if (text === undefined) return noteDamage(damagedPack(last_id))
  const firstId = last_id - count + 1
  for (const [index, record] of recordsOf(text).entries())
    if (firstId + index > after) yield { id: firstId + index, node_id, received_at, record }
}
