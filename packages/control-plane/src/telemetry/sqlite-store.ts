import { setImmediate as turn } from 'node:timers/promises'
import type { BatchPosition } from '@plexd/protocol'
import { systemClock } from '@plexd/runtime'
import { openSideDatabase } from '../store/side-database.ts'
import { createMatcher, factsOf } from './matcher.ts'
import { createSelection } from './selection.ts'
import type {
  ArrivalPage,
  ArrivedBatch,
  FoundRecord,
  RecordBatch,
  RecordSearch,
  StoredRecord,
  TelemetryStore,
} from './store.ts'

/** Records written or deleted before yielding to the event loop. */
const chunkRecords = 2_000
/** The same for deletions because of the size limit. */
const chunkBytes = 4 * 1024 * 1024

interface Row {
  last_id: number
  tenant_id: string
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
/** Rows read before others have their turn. */
const pageRows = 50
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
  const selectMark = database.prepare(
    'select epoch, next from marks where node_id = ? and kind = ?',
  )
  const setMark = database.prepare(
    `insert into marks values (?, ?, ?, ?) on conflict do update set
     next = iif(epoch = excluded.epoch, max(next, excluded.next), excluded.next), epoch = excluded.epoch`,
  )
  const selectPage = database.prepare(
    `select last_id, tenant_id, node_id, received_at, records from batches
     where tenant_id = coalesce(?, tenant_id) and kind = ? and last_id > ? order by last_id limit ${pageRows}`,
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

  /** What is new of a batch is stored, and the node's position moved behind it. */
  function writeBatch(batch: RecordBatch): ArrivedBatch {
    const { kind, source, position } = batch
    const { tenant_id, node_id } = source
    const records = position ? withoutKnown(batch, nextPosition(batch, position)) : batch.records
    if (position) setMark.run(node_id, kind, position.epoch, position.first + position.count)
    const received_at = now()
    const firstId = lastId + 1
    const text = records.join(separator)
    if (records.length > 0) {
      lastId += records.length
      insert.run(lastId, records.length, tenant_id, node_id, kind, received_at, text)
      count.run(node_id, kind, Buffer.byteLength(text) + rowBytes)
    }
    return { kind, source, received_at, firstId, records }
  }

  /** The first position that the node has not sent yet; 0 if it has begun anew. */
  function nextPosition(
    { kind, source: { node_id } }: RecordBatch,
    { epoch }: BatchPosition,
  ): number {
    const mark = selectMark.get(node_id, kind)
    return mark?.epoch === epoch ? Number(mark.next) : 0
  }

  const write = side.createWriter({
    write: writeBatch,
    sizeOf: ({ records }) => records.length,
    maxGroupSize: chunkRecords,
  })
  const listeners = new Set<(batch: ArrivedBatch) => void>()

  async function appendChunk(batch: RecordBatch): Promise<number> {
    const arrived = await write(batch)
    if (arrived.records.length > 0) for (const tell of listeners) tell(arrived)
    return batch.records.length - arrived.records.length
  }

  /** How many records these were. */
  function forget(rows: readonly object[]): number {
    const batches = rows as Removed[] // as the statements return them
    for (const { node_id, kind, bytes } of batches) count.run(node_id, kind, -bytes)
    return batches.reduce((sum, batch) => sum + batch.count, 0)
  }

  async function readPage(tenantId: string | null, kind: string, after: number): Promise<Row[]> {
    const rows = await patience(() => selectPage.all(tenantId, kind, after))
    return rows as unknown as Row[] // the columns of the select
  }

  async function searchAll(query: RecordSearch): Promise<FoundRecord[]> {
    const { tenant_id, kind, signal } = query
    const nodes = query.node_ids && new Set(query.node_ids)
    const matches = createMatcher(query)
    const selection = createSelection(query)
    for (let last = 0; ; ) {
      signal?.throwIfAborted()
      const rows = await readPage(tenant_id, kind, last)
      for (const row of rows) {
        if (nodes && !nodes.has(row.node_id)) continue
        for (const stored of recordsOf(row)) {
          const facts = factsOf(kind, stored)
          if (matches(facts)) selection.add({ ...stored, at: facts.at })
        }
      }
      last = rows.at(-1)?.last_id ?? last
      if (rows.length < pageRows) return selection.result()
      await turn()
    }
  }

  function removeExcess(isAudit: boolean, maxBytes: number): number {
    const excess = Number(total.get(Number(isAudit))?.bytes) - maxBytes
    if (excess <= 0) return 0
    const { node_id = '', kind = '' } = largest.get(Number(isAudit)) ?? {}
    return forget(removeOldestOf.all(node_id, kind, Math.min(excess, chunkBytes)))
  }

  return {
    async append(batch) {
      let duplicates = 0
      for (const chunk of chunksOf(batch)) duplicates += await appendChunk(chunk)
      return { duplicates }
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
          for (const stored of recordsOf(row as unknown as Row, after)) {
            // the columns of the select above
            found.push(stored)
            bytes += Buffer.byteLength(stored.record)
            if (found.length === limit || (bytes > maxBytes && found.length > 1)) return found
          }
        }
        return found
      }),
    async *search(query) {
      const found = await searchAll(query)
      for (let at = 0; at < found.length; at += chunkRecords)
        yield found.slice(at, at + chunkRecords)
    },
    async readAfter({ kind, after = '0', limit }) {
      const records: ArrivalPage['records'] = []
      for (let last = Number(after); ; ) {
        const rows = await readPage(null, kind, last)
        for (const row of rows)
          for (const stored of recordsOf(row, last)) {
            records.push({ ...stored, tenant_id: row.tenant_id })
            if (records.length === limit) return { records, cursor: String(stored.id) }
          }
        last = rows.at(-1)?.last_id ?? last
        if (rows.length < pageRows) return { records, cursor: String(last) }
      }
    },
    cursorNow: () => String(lastId),
    onAppend(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
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

/** Without those that the node has sent before, by their positions below `next`. */
function withoutKnown({ records, places, position }: RecordBatch, next: number): readonly string[] {
  const known = next - (position?.first ?? 0)
  const from = places ? places.findIndex((place) => place >= known) : Math.max(0, known)
  return from === -1 ? [] : records.slice(from)
}

/** A group of writes is bounded, so a large batch is written in parts, each with its own position. */
function* chunksOf(batch: RecordBatch): Generator<RecordBatch> {
  const { records, position, places } = batch
  const placeOf = (index: number): number => places?.[index] ?? index
  for (let at = 0; at < records.length || at === 0; at += chunkRecords) {
    const end = Math.min(records.length, at + chunkRecords)
    const first = at === 0 ? 0 : placeOf(at)
    const behind = end === records.length ? (position?.count ?? 0) : placeOf(end)
    yield {
      ...batch,
      records: records.slice(at, end),
      places: places?.slice(at, end).map((place) => place - first),
      position: position && { ...position, first: position.first + first, count: behind - first },
    }
  }
}

function* recordsOf(row: Row, after = 0): Generator<StoredRecord> {
  const { last_id, node_id, received_at, records } = row
  const texts = records.split(separator)
  const firstId = last_id - texts.length + 1
  for (const [index, record] of texts.entries())
    if (firstId + index > after) yield { id: firstId + index, node_id, received_at, record }
}

const schema = `
  create table if not exists marks (
    node_id text not null, kind text not null, epoch text not null, next integer not null, primary key (node_id, kind)) without rowid;
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
