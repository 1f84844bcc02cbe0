import { setImmediate as turn } from 'node:timers/promises'
import type { StoredRecord } from '../store.ts'

/** What a reader is told in place of records that it was too slow for. */
export interface SkippedRecords {
  /** Undefined where nobody has counted them. */
  count: number | undefined
  /** When the first and the last of them came. */
  sinceMs: number
  untilMs: number
}

/** The connection of the reader. Waits where it is told to by a promise, which rejects when the reader is gone. */
export interface TailSink {
  records(records: readonly StoredRecord[]): Promise<void> | undefined
  /** `id` is that of the last record that is left out. */
  skipped(what: SkippedRecords, id: number): Promise<void> | undefined
}

export interface TailOptions {
  maxRecords: number
  maxBytes: number
  /** Nothing is handed over before; never if it rejects. */
  ready: Promise<void>
}

/**
 * Hands records to a reader as fast as it takes them, and holds as many as the options say for one that is slower, beside as many that are on
 * their way to it. Counts what it leaves out beyond.
 */
export interface Tail {
  offer(record: StoredRecord): void
  skip(what: SkippedRecords, id: number): void
}

type Waiting = { record: StoredRecord } | { skipped: SkippedRecords; id: number }

/** Records written at once, before others have their turn: all readers may be writing as many. */
export const recordsAtOnce = 100

export function createTail(sink: TailSink, { maxRecords, maxBytes, ready }: TailOptions): Tail {
  let waiting: Waiting[] = []
  let bytes = 0
  let isPumping = false

  async function pump(): Promise<void> {
    await ready
    while (waiting.length > 0) {
      await turn()
      const batch = waiting
      waiting = []
      bytes = 0
      for (const part of partsOf(batch)) await (write(part) ?? turn())
    }
    isPumping = false
  }

  function write(part: Part): Promise<void> | undefined {
    return 'records' in part ? sink.records(part.records) : sink.skipped(part.skipped, part.id)
  }

  function put(item: Waiting): void {
    waiting.push(item)
    if (isPumping) return
    isPumping = true
    // Rejects when the reader is gone: from then on nothing is written, and what waits stays within its bounds.
    pump().catch(() => {})
  }

  function leaveOut({ id, received_at }: StoredRecord): void {
    const last = waiting.at(-1)
    if (last && isCounted(last)) {
      last.skipped.count++
      last.skipped.untilMs = received_at
      last.id = id
    } else put({ skipped: { count: 1, sinceMs: received_at, untilMs: received_at }, id })
  }

  return {
    offer(record) {
      const size = Buffer.byteLength(record.record)
      const hasRoom = waiting.length < maxRecords && bytes + size <= maxBytes
      const last = waiting.at(-1)
      // What follows something left out is left out too, until all has room again: one gap, not a hundred.
      if (!hasRoom || (last && isCounted(last))) return leaveOut(record)
      bytes += size
      put({ record })
    },
    skip: (skipped, id) => put({ skipped, id }),
  }
}

type Part = { records: StoredRecord[] } | { skipped: SkippedRecords; id: number }

/** What is written at once. */
function partsOf(batch: readonly Waiting[]): Part[] {
  const parts: Part[] = []
  for (const item of batch) {
    const last = parts.at(-1)
    if (!('record' in item)) parts.push(item)
    else if (last && 'records' in last && last.records.length < recordsAtOnce)
      last.records.push(item.record)
    else parts.push({ records: [item.record] })
  }
  return parts
}

function isCounted(
  item: Waiting,
): item is { skipped: SkippedRecords & { count: number }; id: number } {
  return 'skipped' in item && item.skipped.count !== undefined
}
