import type { BatchPosition } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import { openSideDatabase, type SideDatabase } from '../store/side/side-database.ts'
import type { OnStep } from '../store/start-step.ts'
import type { RecordKind } from './kinds.ts'
import { type Pack, withoutKnown } from './pack.ts'
import { createRemoval, type Removal, rowBytes } from './pack-removal.ts'
import {
  beginPartition,
  inspectPartition,
  type Mark,
  mendPartition,
  type NewPartition,
  partitionSchema,
} from './partition-tables.ts'
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

/** Telemetry of one kind that was received in one day, in a SQLite file of its own: past its age it goes as a file. */
export interface Partition extends Removal, AsyncDisposable {
  readonly path: string
  readonly database: SideDatabase['database']
  readonly createdAtMs: number
  readonly noteDamage: SideDatabase['noteDamage']
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
  /** Nothing is written to it any more for now: takes no more room than its records. */
  rest(): Promise<void>
}

/** Records of one group of writes: the event loop waits for each. */
const maxGroupRecords = 20_000

export interface PartitionOptions {
  lockWaitMs?: number | undefined
  log?: Pick<Log, 'warn'> | undefined
  onStep?: OnStep | undefined
  /** What it begins with, if it is new, or what it was is damaged. */
  created(): NewPartition
}

export function openPartition(
  path: string,
  { lockWaitMs, log, onStep, created }: PartitionOptions,
): Partition {
  const begin = (database: SideDatabase['database']): void => {
    if (!database.prepare('select 1 from head').get()) beginPartition(database, created())
  }
  const side = openSideDatabase(path, {
    schema: partitionSchema,
    lockWaitMs,
    log,
    onStep,
    prepare: begin,
    inspect: inspectPartition,
    mend(database, salvage) {
      begin(database)
      return mendPartition(database, salvage)
    },
  })
  const { database, patience } = side
  const head = database.prepare('select kind, created_at from head').get()
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
    const { minMs, maxMs } = spanOf(times, at)
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

  return {
    path,
    database,
    noteDamage: side.noteDamage,
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
    ...createRemoval(side, (source, bytes) => hold.run(source.tenant_id, source.node_id, bytes)),
    rest: () => patience(() => database.exec('pragma wal_checkpoint(truncate)')),
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}

/** From the first to the last time of a pack; a record without one is found by when it came. */
function spanOf({ minMs, maxMs, isEach }: Pack['times'], at: number) {
  return isEach ? { minMs, maxMs } : { minMs: Math.min(minMs, at), maxMs: Math.max(maxMs, at) }
}
