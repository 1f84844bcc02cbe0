import type { Log } from '@plexd/runtime'
import { openSideDatabase, type SideDatabase } from '../store/side/side-database.ts'
import type { OnStep } from '../store/start-step.ts'
import { createRemoval, type Removal } from './pack-removal.ts'
import { createPackWriter, type PackWriter } from './pack-writer.ts'
import type { RecordKind } from './packs/kinds.ts'
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

export interface Holding extends RecordSource {
  bytes: number
}

/** Telemetry of one kind that was received in one day, in a SQLite file of its own: past its age it goes as a file. */
export interface Partition extends Removal, Omit<PackWriter, 'hold'>, AsyncDisposable {
  readonly path: string
  readonly database: SideDatabase['database']
  readonly createdAtMs: number
  readonly noteDamage: SideDatabase['noteDamage']
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
  const { write, settled, lastId, hold } = createPackWriter(side, kind)
  return {
    path,
    database,
    noteDamage: side.noteDamage,
    createdAtMs: Number(head?.created_at),
    ...{ write, settled, lastId },
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
    ...createRemoval(side, hold),
    rest: () => patience(() => database.exec('pragma wal_checkpoint(truncate)')),
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}
