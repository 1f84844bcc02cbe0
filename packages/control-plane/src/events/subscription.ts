import { type EventType, isMadeUpByState } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import { type LoggedEvent, readEventsFor, type StoredEvent } from '../rows/log/events.ts'
import type { Reader } from '../store/db.ts'
import { type Counter, createCounter } from './counter.ts'
import type { Frame } from './frames.ts'
import type { Slices } from './slices.ts'

/** The network side of a stream. */
export interface Sink {
  /** Undefined if more may be written at once; otherwise wait for the promise, which rejects when the stream is closed. */
  write(text: string, onFlushed?: () => void): Promise<void> | undefined
  /** Ends the stream gracefully. */
  end(): void
  /** Cuts the stream off, with its unsent data. */
  destroy(): void
}

export interface Subscription {
  /** Takes the next committed event; never blocks, and queues only a few. */
  offer(event: LoggedEvent): void
  close(): void
}

export interface SubscriptionOptions {
  no: number
  /** The sequence after which the stream continues. */
  afterSeq: number
  /** Whether the log may contain events in between; if not, only offered events are sent. */
  behind: boolean
  reader: Reader
  sink: Sink
  /** For yielding to other work, because a change may have ten thousand readers. */
  slices: Slices
  /** Sent before all events. */
  prologue: () => AsyncIterable<string>
  /** The text of an event; undefined to skip it. `live`: it was offered, not read from the log. */
  frameOf: (event: StoredEvent, live: boolean) => Promise<Frame | undefined>
  /** Finishes a text when it is about to be sent; by default unchanged. */
  textOf?: (frame: Frame, seq: number) => string
  /** Replaces a burst of events by a pull; without it every event is sent, however many are queued. */
  resync?: Resync
  /** `count` events up to `seq` have been flushed or skipped. */
  onFlushed: (seq: number, count: number) => void
  log: Log
}

export interface Resync {
  /** Resolves when the reader may be told. `lastMs` returns when an event was last added to what it misses. */
  turn(lastMs: () => number): Promise<void>
  /** The text that tells the reader to pull its state, replacing all events up to `seq`. */
  frame(seq: number): Promise<string>
  /** Counts individually signed events of all readers per second. */
  costlyForAll: Counter
  now(): number
}

/** With more events queued for a reader, the queue is dropped and they are read from the log when it is ready. */
const maxQueued = 64
/**
 * With more individually signed events than these per second, for one node and for all, the node is told to pull
 * instead, which is cheaper. With fewer, each is sent at once, because a pull waits for the end of the burst.
 */
const maxCostly = { ofOne: 8, ofAll: 500 }
/** Events are joined up to this size for one write. */
const maxBatch = 16
const maxBatchChars = 256 * 1024

/** These contain a secret for each recipient. */
const costly: ReadonlySet<EventType> = new Set(['peer_added', 'peer_key_rotated'])

/**
 * Delivers events to a sink in order, each once: first those in the log, then those that are offered. Events must be
 * offered from before `behind` is read, so that none is lost in between. A slow reader costs no memory:
 * its queue is dropped, and it is told to pull its state; or, if a pull cannot replace all of the events, the log is
 * replayed from its cursor.
 */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { no, reader, sink, slices, resync, textOf = ({ text }: Frame) => text, log } = options
  const queue: LoggedEvent[] = []
  let { afterSeq, behind } = options
  /** The last event that a pull will replace, and when it was added. */
  let missed: { seq: number; atMs: number } | undefined
  const recent = createCounter(1_000)
  let closed = false
  let pumping = true

  async function pump(): Promise<void> {
    while (!closed) {
      if (behind) {
        // First, so that everything committed from here on is in the queue, in the log, or in both.
        behind = false
        queue.length = 0
        await replay()
      } else if (missed) {
        await sendResync(missed.atMs)
      } else if (queue.length > 0) {
        await send(queue.splice(0, maxBatch), true)
      } else {
        pumping = false
        return
      }
    }
  }

  async function replay(): Promise<void> {
    for (let more = true; more && !closed; ) {
      const page = await readEventsFor(reader, { no, afterSeq })
      while (page.events.length > 0 && !closed) await send(page.events.splice(0, maxBatch), false)
      afterSeq = Math.max(afterSeq, page.lastSeq)
      more = page.more
      // The database answers synchronously: a long log must not block everyone else.
      if (more) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async function sendResync(sinceMs: number): Promise<void> {
    await resync?.turn(() => missed?.atMs ?? sinceMs)
    // Meanwhile an event may have arrived that a pull cannot replace.
    if (closed || !missed) return
    const { seq } = missed
    missed = undefined
    const frame = await resync?.frame(seq)
    if (closed || frame === undefined) return
    afterSeq = seq
    await sink.write(frame, () => options.onFlushed(seq, 1))
  }

  /** In as few writes as their size allows: each costs a system call and a TLS record. */
  async function send(events: readonly StoredEvent[], live: boolean): Promise<void> {
    const due = events.filter(({ seq }) => seq > afterSeq)
    const frames = await Promise.all(due.map((event) => options.frameOf(event, live)))
    let text = ''
    let count = 0
    for (const [index, { seq }] of due.entries()) {
      if (closed) return
      const frame = frames[index]
      if (frame) text += textOf(frame, seq)
      count++
      if (text.length < maxBatchChars && index < due.length - 1) continue
      afterSeq = seq
      await flush(text, seq, count)
      text = ''
      count = 0
    }
  }

  function flush(text: string, seq: number, count: number): Promise<void> | undefined {
    const flushed = (): void => options.onFlushed(seq, count)
    if (text !== '')
      return new Promise((resolve) =>
        slices.run(() => resolve(closed ? undefined : sink.write(text, flushed))),
      )
    flushed()
    return undefined
  }

  async function start(): Promise<void> {
    for await (const frame of options.prologue()) {
      if (closed) return
      await sink.write(frame)
    }
    await pump()
  }

  function run(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (closed) return
      closed = true
      log.warn('event stream cut', { node_no: no, error: describeError(error) })
      sink.destroy()
    })
  }

  /** Either all are sent, or a pull replaces all of them, or the log is read again. */
  function overflow(event: LoggedEvent): void {
    const isMadeUpFor = [...queue, event].every(({ event_type }) => isMadeUpByState(event_type))
    if (!isMadeUpFor && !missed && queue.length < maxQueued) {
      queue.push(event)
      return
    }
    missed = resync && isMadeUpFor ? { seq: event.seq, atMs: resync.now() } : undefined
    behind = !missed
    queue.length = 0
  }

  function isTooMany(event: LoggedEvent): boolean {
    if (missed || queue.length >= maxQueued) return true
    if (!resync || !costly.has(event.event_type)) return false
    const nowMs = resync.now()
    const ofOne = recent.add(nowMs)
    const ofAll = resync.costlyForAll.add(nowMs)
    return ofOne > maxCostly.ofOne && ofAll > maxCostly.ofAll
  }

  run(start)
  return {
    offer(event) {
      if (closed || behind) return
      if (isTooMany(event)) overflow(event)
      else queue.push(event)
      if (pumping) return
      pumping = true
      slices.run(() => run(pump))
    },
    close() {
      closed = true
      queue.length = 0
    },
  }
}
