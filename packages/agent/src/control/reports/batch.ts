import type { ReportSync } from '@plexd/protocol'
import { parseExact } from '@plexd/runtime'
import type { ReportChange } from '../../state/reports/report-store.ts'

/** The limits of one request, well within those of the operation. */
const maxBatchChanges = 500
const maxBatchBytes = 3 * 1024 * 1024
const maxBatchValues = 150_000

/** The first changes that fit into one request; at least one. */
export function takeBatch(changes: Iterable<ReportChange>): ReportChange[] {
  const batch: ReportChange[] = []
  let bytes = 0
  let values = 0
  for (const change of changes) {
    bytes += bytesOf(change)
    values += valuesOf(change)
    const isFull =
      batch.length >= maxBatchChanges || bytes > maxBatchBytes || values > maxBatchValues
    if (batch.length > 0 && isFull) break
    batch.push(change)
  }
  return batch
}

/** Its size in the request, including field names. */
function bytesOf(change: ReportChange): number {
  const { key, content_type, payload } = { content_type: '', payload: '', ...change }
  return Buffer.byteLength(`${JSON.stringify([key, content_type])}${payload}`) + 128
}

/** An upper bound: separators may also occur inside strings. */
function valuesOf(change: ReportChange): number {
  return change.op === 'delete' ? 1 : 6 + (change.payload.match(/[,[{]/g)?.length ?? 0)
}

/**
 * The request for these changes. A key is in only one of the two lists: the store keeps the last change of each, and
 * a re-created entry continues the version count of the deleted one, so it looks like an update.
 */
export function toReportSync(changes: readonly ReportChange[]): ReportSync {
  return {
    entries: changes.flatMap((change) => {
      if (change.op === 'delete') return []
      const { key, content_type, payload, version, updated_at, writer } = change
      const entry = { key, content_type, payload: parseExactly(payload), version, updated_at }
      return [writer === undefined ? entry : { ...entry, written_by: writer }]
    }),
    deleted: changes.flatMap((change) => (change.op === 'delete' ? [change.key] : [])),
  }
}

/** Numbers digit by digit as the program wrote them. */
function parseExactly(text: string): unknown {
  return parseExact(text, (value, source) => String(value) === source)
}
