import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import type { Log } from '@plexd/runtime'
import { openPrivateDatabase } from '../store/private-database.ts'
import { passGate } from '../store/side/gate.ts'
import { removeDatabase, suspect } from '../store/side/set-aside.ts'
import { isDamaged } from '../store/sqlite-error.ts'
import type { OnStep } from '../store/start-step.ts'
import { isRecordKind } from './packs/kinds.ts'
import { packRecords } from './packs/pack.ts'
import type { Partitions } from './partitions.ts'

/** `telemetry.db`, in which all telemetry was until 0.1: one row for each batch, not compressed. */
export interface FormerStore extends Disposable {
  /** Of its last record. */
  readonly lastId: number
  /** Puts what is in it into partitions, each batch once even if it is interrupted, and deletes it. */
  takeOver(partitions: Partitions, signal: AbortSignal): Promise<void>
}

/** What it is called where nodes have their ids. */
export const formerId = 'telemetry.db'

/** For startup, when nobody is waiting for the event loop yet. */
const openingMs = 5_000

/** Undefined if there is none. */
export function openFormerStore(
  path: string,
  { log, onStep }: { log: Pick<Log, 'warn'>; onStep?: OnStep | undefined },
): FormerStore | undefined {
  passGate(path, { schema, log, onStep, timeoutMs: openingMs })
  if (!existsSync(path)) return undefined
  const database = openPrivateDatabase(path, openingMs)
  let isThere = false
  try {
    isThere = hasBatches(database)
  } finally {
    if (!isThere) database.close()
  }
  if (!isThere) return undefined
  return {
    lastId: Number(
      database.prepare("select seq from sqlite_sequence where name = 'batches'").get()?.seq ?? 0,
    ),
    async takeOver(partitions, signal) {
      const next = database.prepare(
        'select * from batches where last_id > ? order by last_id limit 1',
      )
      try {
        for (let row = next.get(0); row; row = next.get(Number(row.last_id))) {
          if (signal.aborted) return
          await store(row, partitions)
          await turn()
        }
      } catch (error) {
        if (isDamaged(error)) suspect(path)
        throw error
      }
      database.close()
      removeDatabase(path)
    },
    [Symbol.dispose]() {
      if (database.isOpen) database.close()
    },
  }
}

const schema = `
  create table if not exists batches (
    last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
    kind text not null, received_at integer not null, records text not null)`

function hasBatches(database: DatabaseSync): boolean {
  return database.prepare("select 1 from sqlite_schema where name = 'batches'").get() !== undefined
}

/** Its batches have their places in it as their positions. */
async function store(row: Record<string, unknown>, partitions: Partitions): Promise<void> {
  const [kind, count] = [String(row.kind), Number(row.count)]
  if (!isRecordKind(kind)) return
  const source = { tenant_id: String(row.tenant_id), node_id: String(row.node_id) }
  const receivedAtMs = Number(row.received_at)
  const first = Number(row.last_id) - count
  for (const pack of packRecords(kind, { records: String(row.records).split('\x1e') })) {
    const position = { of: formerId, epoch: formerId, first, count }
    await partitions.write(kind, { source, receivedAtMs, pack, position })
  }
}
