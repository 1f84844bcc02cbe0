import type { DatabaseSync } from 'node:sqlite'
import type { DriftReport } from '@plexd/protocol'
import { inTransaction } from '../disk/tables.ts'
import type { Queue } from '../queue/queue.ts'

/**
 * Moves the drift reports that an earlier plexd kept in its database to the queue. What was moved before a crash in between is in both,
 * and is not moved twice.
 */
export async function takeOverDriftReports(
  database: DatabaseSync,
  queue: Queue<DriftReport>,
): Promise<void> {
  const rows = database.prepare('SELECT report FROM drift_reports ORDER BY id').all()
  if (rows.length === 0) return
  const moved = await queue.read({ items: rows.length, bytes: Number.POSITIVE_INFINITY })
  const known = new Set(moved.map(({ value }) => JSON.stringify(value)))
  const reports = rows.map(({ report }) => String(report)).filter((report) => !known.has(report))
  // In memory alone it would be lost with the rows.
  if (!(await queue.append(reports.map((report) => JSON.parse(report))))) return
  inTransaction(database, () => database.exec('DELETE FROM drift_reports'))
}
