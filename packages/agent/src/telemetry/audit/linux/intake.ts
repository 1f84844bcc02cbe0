import type { AuditRecord } from '@plexd/protocol'
import { type Clock, createSerialQueue, orAborted } from '@plexd/runtime'
import type { Collector, SourceCursor } from '../../buffer/collector.ts'
import { restAfter } from '../../logs/records/rest.ts'
import { type AuditEvent, createAssembler } from '../events/assembler.ts'
import { type AuditLine, parseLine } from '../events/audit-line.ts'
import { type RecordRules, readEvent } from '../events/audit-record.ts'
import { type LeaveOutRules, reasonToLeaveOut } from '../events/left-out.ts'
import { isOfDaemon } from '../events/record-types.ts'
import { createSerials } from '../events/serials.ts'
import { latestProgress } from './progress.ts'

export interface AuditIntakeOptions extends RecordRules, LeaveOutRules {
  collector: Collector<AuditRecord>
  /** The id of the boot, in which the kernel counts. */
  boot: string
  clock: Clock
}

export interface AuditCounts {
  records: number
  /** Of plexd itself, and those that nobody asked for. */
  own: number
  filtered: number
  /** Lines that are none. */
  unreadable: number
  lost: number
  /** Parts of events whose record was made already, as they were open too long, or that another way has brought too. */
  repeated: number
}

/** Where lines become records. */
export interface AuditIntake {
  /** Resolves when what is over of it is on the disk, and more may be read. Undefined stands for a line that is none. */
  add(
    lines: readonly (AuditLine | undefined)[],
    from: { bytes: number; cursor: SourceCursor },
    signal: AbortSignal,
  ): Promise<void>
  /** To be called every second or so: takes events whose end did not come, and tells of those that never will. */
  expire(signal: AbortSignal): Promise<void>
  /** Why events that are missing about now probably are. */
  blame(reason: string): void
  /** Keeps how far was read, though nothing is over. */
  keep(): Promise<void>
  counts(): AuditCounts
}

/**
 * Events that are all left out move the cursor no more often than this, because that is a write, and may be an event itself. So
 * after a crash, some of them may count as lost.
 */
const silentBytes = 1024 * 1024
const usualReason = 'events of the kernel that never came here'
/** Longer than it takes until what is missing counts as lost. */
const blameMs = 15_000

export function createAuditIntake(options: AuditIntakeOptions): AuditIntake {
  const { collector, boot, clock, keys, types } = options
  const before = latestProgress(collector, boot)
  const serials = createSerials(before?.progress.serials, clock.monotonic())
  const assembler = createAssembler()
  const inTurn = createSerialQueue()
  const counts: AuditCounts = {
    records: 0,
    own: 0,
    filtered: 0,
    unreadable: 0,
    lost: 0,
    repeated: 0,
  }
  /** `sinceMs`: when the first event came after it. */
  let blamed: { reason: string; sinceMs?: number } = {
    reason: before ? 'events of the kernel while plexd did not read' : usualReason,
  }
  /** Where the lines came from last. */
  let cursor: SourceCursor | undefined = before && {
    source: before.source,
    value: before.progress.cursor,
  }
  let leftOutBytes = 0
  let toldUnreadable = 0
  for (const line of before?.progress.open ?? []) {
    const parsed = parseLine(line)
    if (parsed) assembler.add(parsed, clock.monotonic())
  }

  function recordOf(event: AuditEvent): AuditRecord[] {
    const [first] = event.lines
    // auditd counts its own events apart from the kernel.
    const isCounted = first !== undefined && !isOfDaemon(first.type)
    blamed.sinceMs ??= clock.monotonic()
    if (isCounted && !serials.isNew(event, clock.monotonic())) {
      counts.repeated++
      return []
    }
    const { facts, toRecord } = readEvent(event)
    const why = reasonToLeaveOut(facts, options)
    if (why !== undefined) {
      counts[why]++
      return []
    }
    counts.records++
    return [toRecord(options)]
  }

  async function hand(events: readonly AuditEvent[], isDue: boolean): Promise<void> {
    const records = events.flatMap(recordOf)
    if (!cursor || (records.length === 0 && !isDue)) return
    leftOutBytes = 0
    const kept = serials.kept()
    const value = JSON.stringify({
      ...{ boot, atMs: clock.now(), open: assembler.openLines(), cursor: cursor.value },
      ...(kept ? { serials: kept } : {}),
    })
    await collector.append(records, { source: cursor.source, value })
  }

  async function tellLost(): Promise<void> {
    const lost = serials.takeLost(clock.monotonic())
    const unreadable = counts.unreadable - toldUnreadable
    toldUnreadable += unreadable
    counts.lost += lost
    if (lost > 0) await collector.lost(lost, reasonOfLoss())
    if (unreadable > 0) await collector.lost(unreadable, 'lines that are no audit records')
  }

  function reasonOfLoss(): string {
    const { sinceMs } = blamed
    const isKnown = sinceMs === undefined || clock.monotonic() - sinceMs < blameMs
    const reason = isKnown ? blamed.reason : usualReason
    // Whether they would have been sent cannot be known.
    return keys.length + types.length > 0 ? `${reason}, asked for or not` : reason
  }

  return {
    add: (lines, from, signal) =>
      inTurn(async () => {
        const sinceMs = clock.monotonic()
        const events: AuditEvent[] = []
        for (const line of lines) {
          if (line) events.push(...assembler.add(line, sinceMs))
          else counts.unreadable++
        }
        cursor = from.cursor
        leftOutBytes += from.bytes
        const handing = hand(events, leftOutBytes >= silentBytes)
        const tookMs = clock.monotonic() - sinceMs
        await orAborted(handing, signal)
        await restAfter(tookMs, clock, signal)
      }),
    expire: (signal) =>
      inTurn(async () => {
        await orAborted(hand(assembler.expire(clock.monotonic()), false), signal)
        await orAborted(tellLost(), signal)
      }),
    blame(reason) {
      blamed = { reason }
    },
    keep: () => inTurn(() => hand([], true)),
    counts: () => ({ ...counts }),
  }
}
