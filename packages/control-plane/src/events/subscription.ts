import type { EventType } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import { type LoggedEvent, readEventsFor, type StoredEvent } from '../rows/log/events.ts'
import type { Reader } from '../store/db.ts'
import {
  type Backlog,
  isFull,
  maxBatch,
  nextStep,
  overflown,
  type Step,
  withEvent,
} from './backlog.ts'
import { type Counter, createCounter } from './counter.ts'
import type { Frame } from './frames.ts'
import type { RecentEvents } from './missed/recent.ts'
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
  /** What needs not be read from there; undefined for what does. */
  recent?: RecentEvents['of']
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

/**
 * With more individually signed events than these per second, for one node and for all, the node is told to pull
 * instead, which is cheaper. With fewer, each is sent at once, because a pull waits for the end of the burst.
 */
const maxCostly = { ofOne: 8, ofAll: 500 }
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
  const subscription = new EventSubscription(options)
  subscription.start()
  return subscription
}

class EventSubscription implements Subscription {
  readonly #options: SubscriptionOptions
  readonly #costlyForOne = createCounter(1_000)
  #backlog: Backlog
  #afterSeq: number
  #closed = false
  #pumping = true

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#afterSeq = options.afterSeq
    this.#backlog = { queue: [], behind: options.behind, missed: undefined }
  }

  start(): void {
    this.#run(async () => {
      for await (const frame of this.#options.prologue()) {
        if (this.#closed) return
        await this.#options.sink.write(frame)
      }
      await this.#pump()
    })
  }

  offer(event: LoggedEvent): void {
    if (this.#closed || this.#backlog.behind) return
    this.#backlog = this.#isTooMany(event)
      ? overflown(this.#backlog, event, this.#options.resync?.now())
      : withEvent(this.#backlog, event)
    if (this.#pumping) return
    this.#pumping = true
    this.#options.slices.run(() => this.#run(() => this.#pump()))
  }

  close(): void {
    this.#closed = true
    this.#backlog = { queue: [], behind: false, missed: undefined }
  }

  #isTooMany(event: LoggedEvent): boolean {
    if (isFull(this.#backlog)) return true
    const { resync } = this.#options
    if (!resync || !costly.has(event.event_type)) return false
    const nowMs = resync.now()
    const ofOne = this.#costlyForOne.add(nowMs)
    const ofAll = resync.costlyForAll.add(nowMs)
    return ofOne > maxCostly.ofOne && ofAll > maxCostly.ofAll
  }

  #run(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (this.#closed) return
      this.close()
      const { log, no, sink } = this.#options
      log.warn('event stream cut', { node_no: no, error: describeError(error) })
      sink.destroy()
    })
  }

  async #pump(): Promise<void> {
    for (;;) {
      const step = this.#closed ? undefined : nextStep(this.#backlog)
      this.#pumping = step !== undefined
      if (!step) return
      await this.#take(step)
    }
  }

  #take(step: Step): Promise<void> {
    if (step.type === 'tell to pull') return this.#tellToPull(step.sinceMs)
    this.#backlog = step.rest
    return step.type === 'send' ? this.#send(step.events, true) : this.#replay()
  }

  async #replay(): Promise<void> {
    const { reader, no, recent } = this.#options
    const known = recent?.(no, this.#afterSeq)
    if (known) return this.#sendAll(known)
    for (let more = true; more && !this.#closed; ) {
      const page = await readEventsFor(reader, { no, afterSeq: this.#afterSeq })
      await this.#sendAll(page)
      more = page.more
      // The database answers synchronously: a long log must not block everyone else.
      if (more) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async #sendAll({ events, lastSeq }: { events: StoredEvent[]; lastSeq: number }): Promise<void> {
    while (events.length > 0 && !this.#closed) await this.#send(events.splice(0, maxBatch), false)
    this.#afterSeq = Math.max(this.#afterSeq, lastSeq)
  }

  async #tellToPull(sinceMs: number): Promise<void> {
    const { resync, sink, onFlushed } = this.#options
    await resync?.turn(() => this.#backlog.missed?.atMs ?? sinceMs)
    const { missed } = this.#backlog
    // Meanwhile an event may have arrived that a pull cannot replace.
    if (this.#closed || !missed) return
    this.#backlog = { ...this.#backlog, missed: undefined }
    const frame = await resync?.frame(missed.seq)
    if (this.#closed || frame === undefined) return
    this.#afterSeq = missed.seq
    await sink.write(frame, () => onFlushed(missed.seq, 1))
  }

  /** In as few writes as their size allows: each costs a system call and a TLS record. */
  async #send(events: readonly StoredEvent[], live: boolean): Promise<void> {
    const { frameOf, textOf = ({ text }: Frame) => text } = this.#options
    const due = events.filter(({ seq }) => seq > this.#afterSeq)
    const frames = await Promise.all(due.map((event) => frameOf(event, live)))
    let text = ''
    let count = 0
    for (const [index, { seq }] of due.entries()) {
      if (this.#closed) return
      const frame = frames[index]
      if (frame) text += textOf(frame, seq)
      count++
      if (text.length < maxBatchChars && index < due.length - 1) continue
      this.#afterSeq = seq
      await this.#flush(text, seq, count)
      text = ''
      count = 0
    }
  }

  #flush(text: string, seq: number, count: number): Promise<void> | undefined {
    const { sink, slices, onFlushed } = this.#options
    const flushed = (): void => onFlushed(seq, count)
    if (text !== '')
      return new Promise((resolve) =>
        slices.run(() => resolve(this.#closed ? undefined : sink.write(text, flushed))),
      )
    flushed()
    return undefined
  }
}
