import type { BatchPosition } from '@plexd/protocol'
import { openSideDatabase, type SideDatabase } from '../store/side-database.ts'
import type { RecordKind } from './kinds.ts'
import { type Pack, withoutKnown } from './pack.ts'
import type { RecordSource } from './store.ts'

/** A pack that has arrived. Its records have consecutive ids, of which `last_id` is the last. */
export interface PackRow {
  last_id: number
  count: number
  tenant_id: string
  node_id: string
  received_at: number
  body: Uint8Array
}

/** What is written at once: a pack, and how far the node has come with it. */
export interface Arrival {
  source: RecordSource
  receivedAtMs: number
  pack: Pack
  /** Whose queue the position is in: a node. */
  position: (BatchPosition & { of: string }) | undefined
}

/** What is new of a pack; `pack` is undefined if the node has sent all of it before. */
export interface Written {
  pack: Pack | undefined
  firstId: number
}

export interface Holding extends RecordSource {
  bytes: number
}

/** How far a node has come with its queue: records of the epoch below `next` are stored. */
export interface Mark {
  node_id: string
  epoch: string
  next: number
}

/** Telemetry of one kind that was received in one day, in a SQLite file of its own: past its age it goes as a file. */
export interface Partition extends AsyncDisposable {
  readonly path: string
  readonly database: SideDatabase['database']
  readonly createdAtMs: number
  /** In the order of the calls. */
  write(arrival: Arrival): Promise<Written>
  /** Resolves when all writes so far are done. */
  settled(): Promise<unknown>
  lastId(): number
  /** How many records it has. */
  count(): number
  /** When its last pack came; 0 if it has none. */
  lastReceivedAtMs(): number
  marks(): Mark[]
  holdings(): Holding[]
  /** The same by tenant. */
  tenantBytes(): Pick<Holding, 'tenant_id' | 'bytes'>[]
  /** Removes the oldest packs of a node, as long as more than `bytes` are to go; returns how many records and bytes went. */
  removeOf(source: RecordSource, bytes: number): Promise<Removed>
  /** Removes packs received before the time. */
  removeBefore(beforeMs: number): Promise<Removed>
  /** Nothing is written to it any more for now: takes no more room than its records. */
  rest(): Promise<void>
}

export interface Removed {
  records: number
  bytes: number
}

export interface NewPartition {
  kind: RecordKind
  nowMs: number
  lastId: number
  marks: readonly Mark[]
}

/** Records of one group of writes, and packs of one removal: the event loop waits for each. */
const maxGroupRecords = 20_000
const maxRemoved = 200
/** What a row takes beside its body and its words. */
export const rowBytes = 160

/** `created` says what it begins with, if it is new. */
export function openPartition(
  path: string,
  { lockWaitMs, created }: { lockWaitMs?: number | undefined; created(): NewPartition },
): Partition {
  const side = openSideDatabase(path, { schema, lockWaitMs })
  const { database, patience, inTransaction } = side
  const selectHead = database.prepare('select kind, created_at from head')
  if (!selectHead.get()) begin(database, created())
  const head = selectHead.get()
  const kind = String(head?.kind) as RecordKind // as it was written
  const insert = database.prepare(
    'insert into packs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const hold = database.prepare(
    'insert into holdings values (?, ?, ?) on conflict do update set bytes = bytes + excluded.bytes',
  )
  const selectMark = database.prepare('select epoch, next from marks where node_id = ?')
  const setMark = database.prepare(
    `insert into marks values (?, ?, ?) on conflict do update set
     next = iif(epoch = excluded.epoch, max(next, excluded.next), excluded.next), epoch = excluded.epoch`,
  )
  const removed = `returning tenant_id, node_id, count, length(body) + length(words) + ${rowBytes} as bytes`
  const removeOf = database.prepare(
    `delete from packs where last_id in (
       select last_id from (
         select last_id, sum(bytes) over (order by last_id) - bytes as bytes_before from (
           select last_id, length(body) + length(words) + ${rowBytes} as bytes from packs
           where node_id = ? order by last_id limit ${maxRemoved}))
       where bytes_before < ?) ${removed}`,
  )
  const removeBefore = database.prepare(
    `delete from packs where received_at < ? and last_id in (select last_id from packs order by last_id limit ${maxRemoved}) ${removed}`,
  )
  const selectLastId = database.prepare("select seq from sqlite_sequence where name = 'packs'")
  const storedLastId = (): number => Number(selectLastId.get()?.seq ?? 0)
  let lastId = storedLastId()
  let settled: Promise<unknown> = Promise.resolve()

  const enqueue = side.createWriter({
    write: writePack,
    sizeOf: ({ pack }: Arrival) => pack.count,
    maxGroupSize: maxGroupRecords,
  })

  /** In a transaction: what is new of the pack, and the mark behind it. */
  function writePack({ source, receivedAtMs, pack: sent, position }: Arrival): Written {
    const pack = position ? withoutKnown(kind, sent, knownOf(position)) : sent
    if (position) setMark.run(position.of, position.epoch, position.first + sent.to)
    const firstId = lastId + 1
    if (pack) {
      lastId += pack.count
      insertPack(lastId, source, receivedAtMs, pack)
    }
    return { pack, firstId }
  }

  /** How many places at the beginning of a batch the node has sent before. */
  function knownOf({ of, epoch, first }: BatchPosition & { of: string }): number {
    const mark = selectMark.get(of)
    return mark?.epoch === epoch ? Number(mark.next) - first : 0
  }

  function insertPack(
    id: number,
    { tenant_id, node_id }: RecordSource,
    at: number,
    pack: Pack,
  ): void {
    const { count, times, units, severities, isEscaped, words, body } = pack
    const { minMs, maxMs } = times ?? { minMs: at, maxMs: at }
    insert.run(
      id,
      count,
      tenant_id,
      node_id,
      at,
      minMs,
      maxMs,
      units ? JSON.stringify(units) : null,
      severities ? JSON.stringify(severities) : null,
      Number(isEscaped),
      words,
      body,
      pack.textBytes,
    )
    hold.run(tenant_id, node_id, body.length + words.length + rowBytes)
  }

  /** Of packs that were removed. */
  function forget(rows: readonly Record<string, unknown>[]): Removed {
    const gone = { records: 0, bytes: 0 }
    for (const row of rows) {
      const bytes = Number(row.bytes)
      hold.run(String(row.tenant_id), String(row.node_id), -bytes)
      gone.records += Number(row.count)
      gone.bytes += bytes
    }
    return gone
  }

  async function remove(statement: () => Record<string, unknown>[]): Promise<Removed> {
    const gone = await inTransaction(() => forget(statement()))
    if (gone.records > 0) await patience(() => database.exec('pragma incremental_vacuum(1000)'))
    return gone
  }

  return {
    path,
    database,
    createdAtMs: Number(head?.created_at),
    write(arrival) {
      const written = enqueue(arrival).catch((error: unknown) => {
        // Otherwise a cursor could be ahead of what is stored, and after a restart miss what comes.
        lastId = storedLastId()
        throw error
      })
      settled = written.catch(() => {}) // reported to its caller
      return written
    },
    settled: () => settled,
    lastId: () => lastId,
    count: () => Number(database.prepare('select sum(count) as sum from packs').get()?.sum ?? 0),
    lastReceivedAtMs: () =>
      Number(
        database.prepare('select received_at from packs order by last_id desc limit 1').get()
          ?.received_at ?? 0,
      ),
    marks: () =>
      database.prepare('select node_id, epoch, next from marks').all() as unknown as Mark[], // its columns
    holdings: () =>
      database
        .prepare('select tenant_id, node_id, bytes from holdings where bytes > 0')
        .all() as unknown as Holding[], // its columns
    tenantBytes: () =>
      database
        .prepare('select tenant_id, sum(bytes) as bytes from holdings group by tenant_id')
        .all() as unknown as Pick<Holding, 'tenant_id' | 'bytes'>[], // its columns
    removeOf: ({ node_id }, bytes) => remove(() => removeOf.all(node_id, bytes)),
    removeBefore: (beforeMs) => remove(() => removeBefore.all(beforeMs)),
    rest: () => patience(() => database.exec('pragma wal_checkpoint(truncate)')),
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}

/** Its ids and marks go on where those of the partition before end. */
function begin(
  database: SideDatabase['database'],
  { kind, nowMs, lastId, marks }: NewPartition,
): void {
  database.exec('begin immediate')
  database.prepare('insert into head values (1, ?, ?)').run(kind, nowMs)
  database.prepare("insert into sqlite_sequence values ('packs', ?)").run(lastId)
  const insert = database.prepare('insert into marks values (?, ?, ?)')
  for (const { node_id, epoch, next } of marks) insert.run(node_id, epoch, next)
  database.exec('commit')
}

const schema = `
  create table if not exists head (id integer primary key check (id = 1), kind text not null, created_at integer not null);
  create table if not exists packs (
    last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
    received_at integer not null, min_at integer not null, max_at integer not null, units text, severities text, is_escaped integer not null,
    words blob not null, body blob not null, text_bytes integer not null);
  create index if not exists packs_by_node on packs (node_id, last_id, min_at, max_at);
  create index if not exists packs_by_time on packs (tenant_id, max_at, min_at);
  create table if not exists marks (node_id text primary key, epoch text not null, next integer not null) without rowid;
  create table if not exists holdings (
    tenant_id text not null, node_id text not null, bytes integer not null, primary key (tenant_id, node_id)) without rowid;
`
