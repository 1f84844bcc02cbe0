import { openPrivateDatabase } from '../store/private-database.ts'
import { diskErrorOf } from '../store/sqlite-error.ts'
import type { RecordKind, RecordSource, StoredRecord, TelemetryStore } from './store.ts'

/** Records written, or removed, before the event loop gets a turn. */
const chunkRecords = 2_000

interface Waiting {
  kind: RecordKind
  source: RecordSource
  records: readonly string[]
  resolve: () => void
  reject: (reason: unknown) => void
}

/** Telemetry in a SQLite file of its own. Batches that arrive in the same moment share a transaction and its fsync. */
export function openSqliteTelemetry(path: string, now: () => number = Date.now): TelemetryStore {
  const database = openPrivateDatabase(path, 5_000)
  database.exec(schema)
  const insert = database.prepare(
    'insert into records (tenant_id, node_id, kind, received_at, record) values (?, ?, ?, ?, ?)',
  )
  const select = database.prepare(
    `select id, received_at, record from records
     where node_id = ? and kind = ? and id > ? and received_at >= ? order by id limit ?`,
  )
  const removeBefore = database.prepare(
    `delete from records where id in
     (select id from records where received_at < ? order by id limit ${chunkRecords})`,
  )
  const removeOldest = database.prepare(
    `delete from records where id in (select id from records order by id limit ${chunkRecords})`,
  )
  const waiting: Waiting[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    await turn()
    while (waiting.length > 0) {
      writeGroup(takeGroup(waiting))
      await turn()
    }
    running = undefined
  }

  function writeGroup(group: readonly Waiting[]): void {
    try {
      database.exec('begin immediate')
      for (const { kind, source, records } of group)
        for (const record of records)
          insert.run(source.tenant_id, source.node_id, kind, now(), record)
      database.exec('commit')
    } catch (error) {
      if (database.isTransaction) database.exec('rollback')
      for (const { reject } of group) reject(diskErrorOf(error))
      return
    }
    for (const { resolve } of group) resolve()
  }

  const write = (kind: RecordKind, source: RecordSource, records: readonly string[]) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ kind, source, records, resolve, reject })
      running ??= run()
    })

  function usedBytes(): number {
    const pragma = (name: string): number =>
      Number(database.prepare(`pragma ${name}`).get()?.[name])
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }

  return {
    async append(kind, source, records) {
      for (let at = 0; at < records.length; at += chunkRecords)
        await write(kind, source, records.slice(at, at + chunkRecords))
    },
    async list({ node_id, kind, sinceMs = 0, after = 0, limit }) {
      const rows = select.all(node_id, kind, after, sinceMs, limit)
      return rows as unknown as StoredRecord[] // the columns of the select above
    },
    async prune({ beforeMs, maxBytes }) {
      let removed = 0
      const sweep = async (step: () => number): Promise<void> => {
        for (let count = step(); count > 0; count = step()) {
          removed += count
          await turn()
        }
      }
      await sweep(() => Number(removeBefore.run(beforeMs).changes))
      await sweep(() => (usedBytes() > maxBytes ? Number(removeOldest.run().changes) : 0))
      if (removed > 0) database.exec('pragma incremental_vacuum(1000)')
      return removed
    },
    async [Symbol.asyncDispose]() {
      await running
      database.close()
    },
  }
}

// Full: with less, a record that was acknowledged could be lost with the power.
const schema = `
  pragma auto_vacuum = incremental;
  pragma journal_mode = wal;
  pragma synchronous = full;
  create table if not exists records (
    id integer primary key autoincrement, tenant_id text not null, node_id text not null,
    kind text not null, received_at integer not null, record text not null);
  create index if not exists records_by_node on records (node_id, kind, id);
  create index if not exists records_by_age on records (received_at);
`

/** As many of those that wait as fit into one transaction, one at least. */
function takeGroup(waiting: Waiting[]): Waiting[] {
  let total = 0
  const count = waiting.findIndex(({ records }, index) => {
    total += records.length
    return index > 0 && total > chunkRecords
  })
  return waiting.splice(0, count === -1 ? waiting.length : count)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
