import type { LogRecord } from '@plexd/protocol'
import { type Clock, orAborted } from '@plexd/runtime'
import type { Collector, SourceCursor } from '../../buffer/collector.ts'
import { type RecordRules, type Said, toRecord } from './log-record.ts'
import { restAfter } from './rest.ts'

export interface IntakeOptions extends RecordRules {
  collector: Collector<LogRecord>
  clock: Clock
}

/** Where what was read becomes records. Bounds what is under way to the disk, and how much of a processor reading may take. */
export interface Intake {
  /** Resolves when the next part may be read. `bytes`: what was read for it. Calls for one source must not overlap. */
  add(
    said: readonly Said[],
    bytes: number,
    cursor: SourceCursor,
    signal: AbortSignal,
  ): Promise<void>
}

const maxUnderWayBytes = 1024 * 1024
/** Records that are all left out move the cursor no more often than this, because that is a write. */
const silentBytes = 1024 * 1024

export function createIntake(options: IntakeOptions): Intake {
  const { collector, clock } = options
  const underWay = new Set<Promise<void>>()
  const leftOut = new Map<string, number>()
  let bytesUnderWay = 0
  let failure: { reason: unknown } | undefined

  function send(records: readonly LogRecord[], bytes: number, cursor: SourceCursor): void {
    bytesUnderWay += bytes
    const sending: Promise<void> = collector
      .append(records, cursor)
      .catch((reason: unknown) => {
        failure ??= { reason }
      })
      .finally(() => {
        bytesUnderWay -= bytes
        underWay.delete(sending)
      })
    underWay.add(sending)
  }

  /** Whether so many bytes without a record are a reason to write the cursor. */
  function isDue(source: string, bytes: number): boolean {
    const sum = (leftOut.get(source) ?? 0) + bytes
    leftOut.set(source, sum)
    return sum >= silentBytes
  }

  async function room(signal: AbortSignal): Promise<void> {
    while (bytesUnderWay > maxUnderWayBytes && !failure)
      await orAborted(Promise.race(underWay), signal)
    if (failure) throw failure.reason
  }

  return {
    async add(said, bytes, cursor, signal) {
      const sinceMs = clock.monotonic()
      const records = said.flatMap((one) => toRecord(one, options) ?? [])
      if (records.length > 0 || isDue(cursor.source, bytes)) {
        leftOut.delete(cursor.source)
        send(records, bytes, cursor)
      }
      const tookMs = clock.monotonic() - sinceMs
      await room(signal)
      await restAfter(tookMs, clock, signal)
    },
  }
}
