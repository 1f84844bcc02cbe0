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

interface Row {
  last_id: number
  received_at: number
  records: string
}

/** Between records of a batch: no JSON text has it in it. */
const separator = '\x1e'

/**
 * Telemetry in a SQLite file of its own, a row for each batch: thousands of records a second are not rows of their own.
 * Batches that arrive in the same moment share a transaction and its fsync.
 */
export function openSqliteTelemetry(path: string, now: () => number = Date.now): TelemetryStore {
  const database = openPrivateDatabase(path, 5_000)
  database.exec(schema)
  const insert = database.prepare('insert into batches values (?, ?, ?, ?, ?, ?, ?)')
  const select = database.prepare(
    `select last_id, received_at, records from batches
     where node_id = ? and kind = ? and last_id > ? and received_at >= ? order by last_id`,
  )
  // Ids of records follow one another, so this is some batches and no more than they may be at once.
  const removeOldest = database.prepare(
    `delete from batches where received_at < ? and last_id <
     (select last_id - count + 1 from batches order by last_id limit 1) + ${chunkRecords} returning count`,
  )
  let lastId = Number(
    database.prepare("select seq from sqlite_sequence where name = 'batches'").get()?.seq ?? 0,
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
      for (const { kind, source, records } of group) {
        const { tenant_id, node_id } = source
        const { length } = records
        lastId += length
        insert.run(lastId, length, tenant_id, node_id, kind, now(), records.join(separator))
      }
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

  /** How many records these were. */
  function removeBefore(ms: number): number {
    return removeOldest.all(ms).reduce((sum, { count }) => sum + Number(count), 0)
  }

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
      const found: StoredRecord[] = []
      for (const row of select.iterate(node_id, kind, after, sinceMs)) {
        const { last_id, received_at, records } = row as unknown as Row // the columns of the select above
        const texts = records.split(separator)
        const firstId = last_id - texts.length + 1
        for (const [index, record] of texts.entries()) {
          const id = firstId + index
          if (id > after) found.push({ id, received_at, record })
          if (found.length === limit) return found
        }
      }
      return found
    },
    async prune({ beforeMs, maxBytes }) {
      let removed = 0
      const sweep = async (step: () => number): Promise<void> => {
        for (let count = step(); count > 0; count = step()) {
          removed += count
          await turn()
        }
      }
      await sweep(() => removeBefore(beforeMs))
      await sweep(() => (usedBytes() > maxBytes ? removeBefore(Number.MAX_SAFE_INTEGER) : 0))
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
  create table if not exists batches (
    last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
    kind text not null, received_at integer not null, records text not null);
  create index if not exists batches_by_node on batches (node_id, kind, last_id);
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
