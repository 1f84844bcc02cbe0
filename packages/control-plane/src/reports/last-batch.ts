import { createHash } from 'node:crypto'
import type { LastBatch } from '../rows/reports.ts'
import type { ReportBatch, ReportedEntry } from './merge.ts'

export function describeBatch(batch: ReportBatch, wasHeld: (key: string) => boolean): LastBatch {
  const keys = new Set([...batch.entries.map(({ key }) => key), ...batch.deleted])
  return {
    digest: digestOf(batch.entries),
    held_before: Object.fromEntries([...keys].map((key) => [key, wasHeld(key)])),
  }
}

/**
 * Whether a batch starts with the whole of the last one: then the node did not get the answer, and sends it again
 * with later changes. An empty batch matches anything, so it is ignored.
 */
export function continues(batch: ReportBatch, last: LastBatch): boolean {
  const count = Number.parseInt(last.digest, 10)
  return (
    count > 0 &&
    batch.entries.length >= count &&
    digestOf(batch.entries.slice(0, count)) === last.digest
  )
}

function digestOf(entries: readonly ReportedEntry[]): string {
  const parts = entries.map(({ key, version, updated_at }) => [key, version, updated_at])
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return `${entries.length} ${hash}`
}
