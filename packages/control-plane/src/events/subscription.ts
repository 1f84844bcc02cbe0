import { type EventType, isMadeUpByState } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import { type LoggedEvent, readEventsFor, type StoredEvent } from '../rows/log/events.ts'
import type { Reader } from '../store/db.ts'
import { type Counter, createCounter } from './counter.ts'
import type { Frame } from './frames.ts'
import type { Slices } from './slices.ts'

/** Where a stream goes to. */
export interface Sink {
  /** Undefined when more may be written at once; else wait for it, it rejects when the stream is closed. */
  write(text: string, onFlushed?: () => void): Promise<void> | undefined
  /** Ends the stream in order. */
  end(): void
  /** Cuts it off, with what was not sent yet. */
  destroy(): void
}

export interface Subscription {
  /** Takes the next committed event; never blocks and never holds more than a few. */
  offer(event: LoggedEvent): void
  close(): void
}

export interface SubscriptionOptions {
  no: number
  /** The stream goes on behind this one. */
  afterSeq: number
  /** Whether the log has events in between; else only what is offered is sent. */
  behind: boolean
  reader: Reader
  sink: Sink
  /** One change may be for ten thousand readers. */
  slices: Slices
  /** Sent ahead of everything. */
  prologue: () => AsyncIterable<string>
  /** The text to send; undefined for an event to pass over. `live`: it was offered, not read from the log. */
  frameOf: (event: StoredEvent, live: boolean) => Promise<Frame | undefined>
  /** Its text at the moment when it is its turn; as it is when left out. */
  textOf?: (frame: Frame, seq: number) => string
  /** What takes the place of a multitude of events; without it each is sent, however many wait. */
  resync?: Resync
  /** `count` events up to `seq` have left for the network, or were passed over. */
  onFlushed: (seq: number, count: number) => void
  log: Log
}

export interface Resync {
  /** Resolves when the reader may be told. `lastMs` tells when something was last added to what it misses. */
  turn(lastMs: () => number): Promise<void>
  /** The text that tells the reader to pull its state, instead of all events up to `seq`. */
  frame(seq: number): Promise<string>
  /** Of events that are signed for one reader each, for all readers and for a second. */
  costlyForAll: Counter
  now(): number
}

/** More than this waiting for a reader, and they are read from the log again when it is ready for them. */
const maxQueued = 64
/**
 * More of those that are signed for one node in a second, and more for all: it is told to pull instead, which costs
 * less than they do. Where there are fewer, each is sent at once: a pull waits for the end of the burst.
 */
const maxCostly = { ofOne: 8, ofAll: 500 }
/** Events that are made into one piece for the network. */
const maxBatch = 16
const maxBatchChars = 256 * 1024

/** Each has a secret of its own for each node. */
const costly: ReadonlySet<EventType> = new Set(['peer_added', 'peer_key_rotated'])

/**
 * Brings events to a sink in their order, each once: first those in the log, then those that are offered. It must be
 * offered events from before it is told `behind`, so that none is lost between the two. A slow reader costs no memory:
 * its queue is dropped, and it is told to pull its state; or, when that would not make up for all of them, the log is
 * read on from where it is.
 */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { no, reader, sink, slices, resync, textOf = ({ text }: Frame) => text, log } = options
  const queue: LoggedEvent[] = []
  let { afterSeq, behind } = options
  /** The last of those events that a state will make up for, and when it came. */
  let missed: { seq: number; atMs: number } | undefined
  const recent = createCounter(1_000)
  let closed = false
  let pumping = true

  async function pump(): Promise<void> {
    while (!closed) {
      if (behind) {
        // First, so that what is committed from here on is in the queue, in the log, or in both.
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
      // The database answers at once: a long log must not keep all others waiting.
      if (more) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async function sendResync(sinceMs: number): Promise<void> {
    await resync?.turn(() => missed?.atMs ?? sinceMs)
    // Something else may have come that no state makes up for.
    if (closed || !missed) return
    const { seq } = missed
    missed = undefined
    const frame = await resync?.frame(seq)
    if (closed || frame === undefined) return
    afterSeq = seq
    await sink.write(frame, () => options.onFlushed(seq, 1))
  }

  /** In as few pieces as their size allows: each costs a system call, and a record of its own in TLS. */
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

  /** Each is sent, or a state makes up for all of them, or the log is read again. */
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
