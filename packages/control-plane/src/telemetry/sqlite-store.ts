import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '@plexd/runtime'
import { openSideDatabase } from '../store/side-database.ts'
import type { RecordKind, RecordSource, StoredRecord, TelemetryStore } from './store.ts'

/** Records written or deleted before yielding to the event loop. */
const chunkRecords = 2_000
/** The same for deletions because of the size limit. */
const chunkBytes = 4 * 1024 * 1024

interface Batch {
  kind: RecordKind
  source: RecordSource
  records: readonly string[]
}

interface Row {
  last_id: number
  node_id: string
  received_at: number
  records: string
}

/** The deleted part of a node's records of one kind. */
interface Removed {
  node_id: string
  kind: string
  count: number
  bytes: number
}

/** Separates the records of a batch: no JSON text contains it. */
const separator = '\x1e'
/** The overhead of a batch's row. */
const rowBytes = 128

/**
 * Telemetry in its own SQLite file, one row per batch: thousands of records per second must not be rows of their own.
 * Batches that arrive together share a transaction and its fsync. The size per node and kind is
 * tracked, so that the largest is pruned first.
 */
export function openSqliteTelemetry(
  path: string,
  { now = systemClock.now, lockWaitMs }: { now?: () => number; lockWaitMs?: number } = {},
): TelemetryStore {
  const side = openSideDatabase(path, { schema, lockWaitMs })
  const { database, patience, inTransaction } = side
  const insert = database.prepare('insert into batches values (?, ?, ?, ?, ?, ?, ?)')
  const selectWhere = (owner: string) =>
    database.prepare(
      `select last_id, node_id, received_at, records from batches
       where ${owner} and last_id > ? and received_at >= ? order by last_id`,
    )
  const selectOfNode = selectWhere('node_id = ? and kind = ?')
  // Its index is partial, and SQLite uses such a one only if the condition is in the text.
  const selectViolations = selectWhere("tenant_id = ? and kind = 'violations'")
  const count = database.prepare(
    `insert into holdings values (?, ?, ?) on conflict do update set bytes = bytes + excluded.bytes`,
  )
  const removed = `returning node_id, kind, count, octet_length(records) + ${rowBytes} as bytes`
  // Record ids are consecutive, so this reads a few batches, within the limit.
  const removeOld = database.prepare(
    `delete from batches where received_at < ? and last_id <
     (select last_id - count + 1 from batches order by last_id limit 1) + ${chunkRecords} ${removed}`,
  )
  const removeOldestOf = database.prepare(
    `delete from batches where last_id in (
       select last_id from (
         select last_id, sum(bytes) over (order by last_id) - bytes as bytes_before from (
           select last_id, octet_length(records) + ${rowBytes} as bytes from batches
           where node_id = ? and kind = ? order by last_id limit ${chunkRecords}))
       where bytes_before < ?) ${removed}`,
  )
  const total = database.prepare(
    "select coalesce(sum(bytes), 0) as bytes from holdings where (kind = 'audit') = ?",
  )
  const largest = database.prepare(
    "select node_id, kind from holdings where (kind = 'audit') = ? order by bytes desc limit 1",
  )
  let lastId = Number(
    database.prepare("select seq from sqlite_sequence where name = 'batches'").get()?.seq ?? 0,
  )

  function writeBatch({ kind, source: { tenant_id, node_id }, records }: Batch): void {
    lastId += records.length
    const text = records.join(separator)
    insert.run(lastId, records.length, tenant_id, node_id, kind, now(), text)
    count.run(node_id, kind, Buffer.byteLength(text) + rowBytes)
  }

  const write = side.createWriter({
    write: writeBatch,
    sizeOf: ({ records }) => records.length,
    maxGroupSize: chunkRecords,
  })

  /** How many records these were. */
  function forget(rows: readonly object[]): number {
    const batches = rows as Removed[] // as the statements return them
    for (const { node_id, kind, bytes } of batches) count.run(node_id, kind, -bytes)
    return batches.reduce((sum, batch) => sum + batch.count, 0)
  }

  function removeExcess(isAudit: boolean, maxBytes: number): number {
    const excess = Number(total.get(Number(isAudit))?.bytes) - maxBytes
    if (excess <= 0) return 0
    const { node_id = '', kind = '' } = largest.get(Number(isAudit)) ?? {}
    return forget(removeOldestOf.all(node_id, kind, Math.min(excess, chunkBytes)))
  }

  return {
    async append(kind, source, records) {
      for (let at = 0; at < records.length; at += chunkRecords)
        await write({ kind, source, records: records.slice(at, at + chunkRecords) })
    },
    list: (query) =>
      patience(() => {
        const { sinceMs = 0, after = 0, limit, maxBytes = Number.POSITIVE_INFINITY } = query
        const rows =
          'node_id' in query
            ? selectOfNode.iterate(query.node_id, query.kind, after, sinceMs)
            : selectViolations.iterate(query.tenant_id, after, sinceMs)
        const found: StoredRecord[] = []
        let bytes = 0
        for (const row of rows) {
          const { last_id, node_id, received_at, records } = row as unknown as Row // the columns of the select above
          const texts = records.split(separator)
          const firstId = last_id - texts.length + 1
          for (const [index, record] of texts.entries()) {
            const id = firstId + index
            if (id <= after) continue
            found.push({ id, node_id, received_at, record })
            bytes += Buffer.byteLength(record)
            if (found.length === limit || (bytes > maxBytes && found.length > 1)) return found
          }
        }
        return found
      }),
    async prune({ beforeMs, maxBytes, maxAuditBytes }) {
      let sum = 0
      const sweep = async (step: () => number): Promise<void> => {
        const next = (): Promise<number> => inTransaction(step)
        for (let gone = await next(); gone > 0; gone = await next()) {
          sum += gone
          await turn()
        }
      }
      await sweep(() => forget(removeOld.all(beforeMs)))
      await sweep(() => removeExcess(false, maxBytes))
      await sweep(() => removeExcess(true, maxAuditBytes))
      if (sum > 0) await patience(() => database.exec('pragma incremental_vacuum(1000)'))
      return sum
    },
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}

const schema = `
  create table if not exists batches (
    last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
    kind text not null, received_at integer not null, records text not null);
  create index if not exists batches_by_node on batches (node_id, kind, last_id);
  create index if not exists violations on batches (tenant_id, last_id) where kind = 'violations';
  create table if not exists holdings (
    node_id text not null, kind text not null, bytes integer not null, primary key (node_id, kind)) without rowid;
  create index if not exists holdings_by_bytes on holdings (bytes);
  insert into holdings select node_id, kind, sum(octet_length(records) + ${rowBytes}) from batches
    where not exists (select 1 from holdings) group by node_id, kind;
`
