import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { DriftReport } from '@plexd/protocol'
import { aMemoryQueue } from '../queue/testing/memory-queue.ts'
import { openTestDatabase } from '../testing/database.ts'
import { takeOverDriftReports } from './take-over.ts'

it('takes over the drift reports of an earlier plexd, each once, whenever it was killed', async () => {
  using store = openTestDatabase()
  const queue = aMemoryQueue<DriftReport>()
  const { database } = store
  const insert = (report: DriftReport) =>
    database.prepare('INSERT INTO drift_reports (report) VALUES (?)').run(JSON.stringify(report))
  const waiting = async () =>
    (await queue.read({ items: 100, bytes: 1e9 })).map(({ value }) => value.timestamp)
  insert({ timestamp: '2025-01-15T10:30:00Z', corrections: [] })
  await takeOverDriftReports(database, queue)
  await takeOverDriftReports(database, queue)
  assert.deepEqual(await waiting(), ['2025-01-15T10:30:00Z'])

  // As after a crash before the rows were removed.
  insert({ timestamp: '2025-01-15T10:30:00Z', corrections: [] })
  insert({ timestamp: '2025-01-15T10:30:01Z', corrections: [] })
  await takeOverDriftReports(database, queue)
  assert.deepEqual(await waiting(), ['2025-01-15T10:30:00Z', '2025-01-15T10:30:01Z'])
  assert.equal(database.prepare('SELECT count(*) AS count FROM drift_reports').get()?.count, 0)
})
