import { unknownIds } from '../partition-tables.ts'
import { unpacked } from '../read.ts'
import type { ArrivalPage, ArrivalQuery, RecordQuery, StoredRecord } from '../store.ts'
import { type Connection, readHead } from './head.ts'
import { packsAfter } from './pages.ts'

/** Of one node, or of all of a tenant, in the order of arrival. */
export async function listRecords(
  db: Connection,
  query: RecordQuery,
  noteDamage: (reason: string) => void,
): Promise<StoredRecord[]> {
  const { kind, sinceMs, after = 0, limit, maxBytes = Number.POSITIVE_INFINITY } = query
  const owner =
    'node_id' in query
      ? ({ column: 'node_id', id: query.node_id } as const)
      : ({ column: 'tenant_id', id: query.tenant_id } as const)
  const found: StoredRecord[] = []
  let bytes = 0
  for await (const pack of packsAfter(db, { kind, after, owner, sinceMs }))
    for (const stored of unpacked(pack, after, noteDamage)) {
      found.push(stored)
      bytes += Buffer.byteLength(stored.record)
      if (found.length === limit || (bytes > maxBytes && found.length > 1)) return found
    }
  return found
}

/** Of all tenants, in the order of arrival. A cursor ahead of all is of a store that was there before, and is as none. */
export async function readArrivals(
  db: Connection,
  { kind, after = '0', limit, maxBytes = Number.POSITIVE_INFINITY }: ArrivalQuery,
  noteDamage: (reason: string) => void,
): Promise<ArrivalPage> {
  const { last_id: newest } = await readHead(db, kind)
  const isOther = Number(after) > newest
  const start = isOther ? 0 : Number(after)
  const records: ArrivalPage['records'] = []
  let last = start
  let bytes = 0
  // Ids of a kind follow each other without a hole, until some are removed.
  const page = (): ArrivalPage => ({
    records,
    removed: isOther ? 0 : (last - start - records.length) % unknownIds,
    cursor: String(last),
  })
  for await (const pack of packsAfter(db, { kind, after: start })) {
    for (const stored of unpacked(pack, last, noteDamage)) {
      records.push({ ...stored, tenant_id: pack.tenant_id })
      last = stored.id
      bytes += stored.record.length
      if (records.length === limit || bytes > maxBytes) return page()
    }
    // What is damaged counts as removed.
    last = pack.last_id
  }
  return page()
}
