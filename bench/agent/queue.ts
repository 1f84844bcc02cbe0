import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openQueue } from '@plexd/agent'
import { silentLog } from '@plexd/runtime'
import type { Bench } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { addGain, medianOf } from '../scenarios/figures.ts'
import { timeOf } from './mesh-device.ts'

/** How many callers add at the same moment. */
const callers = 64

/** Records onto the disk, each acknowledged: into a queue, and into a table of SQLite with `synchronous = FULL`. */
export const queueBench: Bench = {
  name: 'queue',
  targets: [],
  summary: `${callers} records of 1 KB from as many callers onto the disk, in a queue and in SQLite`,
  async run(context) {
    const rounds = context.rounds ?? (context.quick ? 3 : 100)
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const queue = stack.use(
      await openQueue<string>(folder, {
        name: 'bench',
        isItem: (value) => typeof value === 'string',
        limit: { bytes: 16 * 1024 * 1024 },
        whenFull: 'drop oldest',
        log: { warn() {}, error: silentLog.error },
      }),
    )
    const database = stack.adopt(new DatabaseSync(join(folder, 'bench.db')), (open) => open.close())
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, record TEXT NOT NULL)')
    const insert = database.prepare('INSERT INTO records (record) VALUES (?)')
    const record = 'x'.repeat(1_000)
    const records = Array.from({ length: callers }, () => record)
    const queued: number[] = []
    const inserted: number[] = []
    // In turns, so that both see the same disk.
    for (let round = 0; round < rounds; round++) {
      queued.push(await timeOf(() => Promise.all(records.map((each) => queue.append([each])))))
      inserted.push(
        await timeOf(async () => {
          for (const each of records) insert.run(JSON.stringify(each))
        }),
      )
    }
    const [line, row] = [quantiles(queued), quantiles(inserted)]
    context.add({ what: `${callers} records to the disk`, unit: 'ms', ...medianOf(line) })
    addGain(context, 'queue: the same', { with: line.median, without: row.median })
  },
}
