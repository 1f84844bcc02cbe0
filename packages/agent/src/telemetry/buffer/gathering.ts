import type { Clock } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { Collector } from './collector.ts'
import {
  bytesOf,
  type Draft,
  type DraftLine,
  gapOver,
  lineOf,
  memoryOf,
  type RecordDraft,
} from './draft.ts'
import type { BatchLimit } from './plan.ts'

export interface GatheringDeps {
  /** Resolves when it is on the disk; `signal`: that it need not wait for one that takes nothing. Calls do not overlap. */
  write(draft: Draft, signal: AbortSignal): Promise<void>
  cursor(source: string): string | undefined
  sources(): string[]
  /** What is written at once. */
  block: BatchLimit
  maxRecordBytes: number
  /** What may be in memory, unpacked. */
  maxBytes: number
  clock: Clock
}

/** For so long records are gathered, so that those who hand over one at a time share a write. */
const gatherMs = 250
/** Not longer than until there are so many: who hands over much at a time need not wait. */
const gatherBytes = 32 * 1024
const behind = 'the disk did not take them in time'

interface Waiting {
  draft: Draft
  /** Settled when it was written. */
  written: PromiseWithResolvers<void>
}

/**
 * Takes records over in memory, and writes them together. Where nobody waits for the disk and it falls behind, the oldest become a
 * gap. Disposing writes the rest, if the disk takes it at once.
 */
export function startGathering<Entry>(deps: GatheringDeps): Collector<Entry> & AsyncDisposable {
  const { write, block, maxRecordBytes, maxBytes, clock } = deps
  const some = createTrigger(clock)
  const enough = createTrigger(clock)
  /** Without the one that is being written. */
  let waiting: Waiting[] = []
  let writing: Waiting | undefined
  let memory = 0
  let isClosed = false

  function addLine(line: DraftLine): void {
    const draft = draftFor(bytesOf(line))
    memory -= memoryOf(draft)
    draft.lines.push(line)
    draft.rawBytes += bytesOf(line)
    memory += memoryOf(draft)
  }

  function draftFor(rawBytes: number): RecordDraft {
    const last = waiting.at(-1)?.draft
    const isOpen =
      last?.lines &&
      last.lines.length < block.records &&
      (last.lines.length === 0 || last.rawBytes + rawBytes <= block.rawBytes)
    return isOpen ? last : put({ atMs: clock.now(), cursors: {}, lines: [], rawBytes: 0 })
  }

  function put<Made extends Draft>(draft: Made): Made {
    const written = Promise.withResolvers<void>()
    written.promise.catch(() => {}) // perhaps nobody waits for it
    waiting.push({ draft, written })
    return draft
  }

  /** What is in memory for too long becomes a gap, the oldest first. */
  function shed(): void {
    for (let at = 0; at < waiting.length && memory > maxBytes; at++) {
      const entry = waiting[at]
      if (!entry || memoryOf(entry.draft) === 0) continue
      memory -= memoryOf(entry.draft)
      const before = waiting[at - 1]
      const joined =
        before && !before.draft.lines && before.draft.reason === behind ? before : undefined
      entry.draft = gapOver(joined?.draft, entry.draft, behind)
      if (!joined) continue
      entry.written.promise.then(joined.written.resolve, joined.written.reject)
      waiting = waiting.toSpliced(--at, 1)
    }
  }

  /** Resolves when all that was handed over so far is on the disk. */
  function written(): Promise<void> {
    shed()
    some.fire()
    if (memory >= gatherBytes) enough.fire()
    return (waiting.at(-1) ?? writing)?.written.promise ?? Promise.resolve()
  }

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (waiting.length === 0) await some.wait(idleMs, signal)
      if (waiting.length > 0 && memory < gatherBytes) await enough.wait(gatherMs, signal)
      while (waiting.length > 0) await writeFirst(signal)
    }
  }

  async function writeFirst(signal: AbortSignal): Promise<void> {
    writing = waiting.shift()
    if (!writing) return
    memory -= memoryOf(writing.draft)
    try {
      await write(writing.draft, signal)
      writing.written.resolve()
    } catch (error) {
      writing.written.reject(error)
      throw error
    } finally {
      writing = undefined
    }
  }

  function checkOpen(): void {
    if (isClosed) throw new Error('telemetry is closed')
  }

  const task = startTask(run)
  return {
    async append(entries, cursor) {
      checkOpen()
      for (const entry of entries) addLine(lineOf(entry, maxRecordBytes))
      if (cursor) draftFor(0).cursors[cursor.source] = cursor.value
      await written()
    },
    async lost(count, reason) {
      checkOpen()
      put({ atMs: clock.now(), cursors: {}, lost: count, reason })
      await written()
    },
    cursor: deps.cursor,
    sources: deps.sources,
    async [Symbol.asyncDispose]() {
      isClosed = true
      await task[Symbol.asyncDispose]()
      const ended = AbortSignal.abort(new Error('telemetry is closed'))
      while (waiting.length > 0) await writeFirst(ended).catch(() => {}) // its callers are told
    },
  }
}

/** Nothing is done then but to wait again. */
const idleMs = 3_600_000
