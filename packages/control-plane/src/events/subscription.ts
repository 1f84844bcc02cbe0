import { describeError, type Log } from '@plexd/runtime'
import type { Reader } from '../store/db.ts'
import { type LoggedEvent, readEventsFor, type StoredEvent } from './event-log.ts'

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
  /** Sent ahead of everything. */
  prologue: () => AsyncIterable<string>
  /** The text to send; undefined for an event to pass over. `live`: it was offered, not read from the log. */
  frameOf: (event: StoredEvent, live: boolean) => Promise<string | undefined>
  /** An event has left for the network, or was passed over. */
  onFlushed: (seq: number) => void
  log: Log
}

/** More than this waiting for a reader, and they are read from the log again when it is ready for them. */
const maxQueued = 64

/**
 * Brings events to a sink in their order, each once: first those in the log, then those that are offered. It must be
 * offered events from before it is told `behind`, so that none is lost between the two. A slow reader costs no memory:
 * its queue is dropped and the log read on from where it is.
 */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { no, reader, sink, log } = options
  const queue: LoggedEvent[] = []
  let { afterSeq, behind } = options
  let closed = false
  let pumping = true

  async function pump(): Promise<void> {
    while (!closed) {
      if (behind) {
        // First, so that what is committed from here on is in the queue, in the log, or in both.
        behind = false
        queue.length = 0
        await replay()
        continue
      }
      const event = queue.shift()
      if (!event) {
        pumping = false
        return
      }
      await send(event, true)
    }
  }

  async function replay(): Promise<void> {
    for (let more = true; more && !closed; ) {
      const page = await readEventsFor(reader, { no, afterSeq })
      for (const event of page.events) await send(event, false)
      afterSeq = Math.max(afterSeq, page.lastSeq)
      more = page.more
      // The database answers at once: a long log must not keep all others waiting.
      if (more) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async function send(event: StoredEvent, live: boolean): Promise<void> {
    const { seq } = event
    if (closed || seq <= afterSeq) return
    const frame = await options.frameOf(event, live)
    if (closed) return
    afterSeq = seq
    if (frame === undefined) options.onFlushed(seq)
    else await sink.write(frame, () => options.onFlushed(seq))
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

  run(start)
  return {
    offer(event) {
      if (closed || behind) return
      if (queue.length < maxQueued) {
        queue.push(event)
      } else {
        queue.length = 0
        behind = true
      }
      if (pumping) return
      pumping = true
      run(pump)
    },
    close() {
      closed = true
      queue.length = 0
    },
  }
}
