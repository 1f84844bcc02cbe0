import type { Clock, Log } from '@plexd/runtime'
import type { Follower } from '../log/log.ts'
import { asCursorOnly } from '../log/position.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import type { Presence } from '../presence/presence.ts'
import { type LoggedEvent, readUnanswered, type StoredEvent } from '../rows/log/events.ts'
import type { Reader } from '../store/db.ts'
import { createCounter } from './counter.ts'
import type { Frame, Frames } from './frames.ts'
import type { Heads } from './heads.ts'
import { createResyncTurns } from './resync-turns.ts'
import { createSlices } from './slices.ts'
import { createSubscription, type Sink, type Subscription } from './subscription.ts'

export interface NodeSink extends Sink {
  /** Sends a keep-alive, unless the reader is behind. */
  keepAlive(): void
  /** Since when the reader has taken nothing; undefined if nothing is waiting for it. */
  stalledSinceMs(): number | undefined
  onClose(run: () => void): void
}

/** The open event streams, one per node. */
export interface Streams {
  /** Ends the node's previous stream, if there is one. */
  open(node: NodeRecord, at: Whereabouts, sink: NodeSink): void
  end(no: number): void
  /** The node has pulled its state. */
  pulled(no: number): void
  endAll(): void
  /** Sends a keep-alive to every stream, and cuts off stalled ones. */
  keepAlive(): Promise<void>
  count(): number
  follow: Follower
}

/** The node's position: its last event, and the revision of its state. Empty if unknown. */
export interface Whereabouts {
  lastEventId: string
  revision: string
}

const maxStallMs = 30_000

/**
 * Two machines with one identity keep ending each other's stream. Go nodes reconnect without a delay, so
 * a stream is not replaced before this age: that limits the rate of the cycle.
 */
const minAgeMs = 1_000

interface Stream {
  subscription: Subscription
  sink: NodeSink
  openedMs: number
}

export function createStreams(options: {
  fleet: Fleet
  heads: Heads
  presence: Presence
  frames: Frames
  reader: Reader
  clock: Clock
  log: Log
  /** Records how many events have been flushed to a node. */
  onDelivered?: (count: number) => void
}): Streams {
  const { fleet, heads, presence, frames, reader, clock, log, onDelivered } = options
  const streams = new Map<number, Stream>()
  const turns = createResyncTurns(clock)
  const slices = createSlices()
  const costlyForAll = createCounter(1_000)

  function offer(event: LoggedEvent): void {
    // Iterate over the smaller set: a change for one node must not visit every stream.
    if (event.audience.length < streams.size)
      for (const no of event.audience) streams.get(no)?.subscription.offer(event)
    else
      for (const [no, { subscription }] of streams)
        if (isIn(event.audience, no)) subscription.offer(event)
  }

  const replaced = new Set<NodeSink>()

  /** Detaches a stream from its node: nothing more is sent. */
  function detach(no: number): Stream | undefined {
    const stream = streams.get(no)
    if (!stream) return undefined
    streams.delete(no)
    turns.done(no)
    stream.subscription.close()
    presence.streamClosed(no)
    return stream
  }

  function end(no: number): void {
    detach(no)?.sink.end()
  }

  async function replace(no: number): Promise<void> {
    const stream = detach(no)
    if (!stream) return
    const { sink, openedMs } = stream
    const restMs = openedMs + minAgeMs - clock.monotonic()
    if (restMs > 0) {
      replaced.add(sink)
      await clock.sleep(restMs)
      replaced.delete(sink)
    }
    sink.end()
  }

  function open({ no }: NodeRecord, at: Whereabouts, sink: NodeSink): void {
    void replace(no)
    const headSeq = heads.of(no)
    const start = startOf(at, no, heads)
    presence.streamOpened(no, { cursorSeq: start.cursorSeq, headSeq })
    if (start.isProven) presence.named(no)
    const afterSeq = start.cursorSeq ?? heads.last()
    const textOf = ({ text, isResync }: Frame, seq: number): string => {
      if (isResync) presence.owes(no, seq)
      return presence.isWhole(no) ? text : asCursorOnly(text)
    }
    const frameOf = async (event: StoredEvent, live: boolean): Promise<Frame | undefined> => {
      const node = fleet.nodeByNo(no)
      return node && (live ? frames.live(event, node) : frames.of(event, node))
    }

    async function* prologue(): AsyncGenerator<string> {
      if (start.resync !== undefined)
        yield textOf(await frames.resync(headSeq, start.resync), headSeq)
      const node = fleet.nodeByNo(no)
      if (!node) return
      const asked = { nodeId: node.id, throughSeq: afterSeq, nowMs: clock.now() }
      for (const event of await readUnanswered(reader, asked)) {
        const frame = await frames.again(event, node)
        if (frame !== undefined) yield frame
      }
    }

    const subscription = createSubscription({
      no,
      afterSeq,
      behind: start.cursorSeq !== undefined && start.cursorSeq < headSeq,
      reader,
      sink,
      slices,
      prologue,
      frameOf,
      textOf,
      resync: {
        turn: (lastMs) => turns.wait(no, lastMs),
        frame: async (seq) => textOf(await frames.resync(seq, 'many changes at once'), seq),
        costlyForAll,
        now: clock.monotonic,
      },
      onFlushed(seq, count) {
        presence.flushed(no, seq)
        onDelivered?.(count)
      },
      log,
    })
    const stream = { subscription, sink, openedMs: clock.monotonic() }
    streams.set(no, stream)
    sink.onClose(() => {
      subscription.close()
      if (streams.get(no) !== stream) return
      streams.delete(no)
      turns.done(no)
      presence.streamClosed(no)
    })
  }

  return {
    open,
    end,
    pulled: turns.done,
    endAll() {
      for (const no of [...streams.keys()]) end(no)
      for (const sink of replaced) sink.end()
    },
    async keepAlive() {
      const nowMs = clock.monotonic()
      for (const { sink } of streams.values()) {
        const sinceMs = sink.stalledSinceMs()
        if (sinceMs !== undefined && nowMs - sinceMs > maxStallMs) sink.destroy()
        else sink.keepAlive()
        // In slices: ten thousand in one go would block everyone else for half a second.
        await new Promise<void>((resolve) => slices.run(resolve))
      }
    },
    count: () => streams.size,
    follow({ events }) {
      for (const event of events) offer(event)
    },
  }
}

interface Start {
  /** Undefined: only new events. */
  cursorSeq?: number
  /** Whether the node has also shown a state of this history. */
  isProven?: boolean
  /** Why earlier events cannot be delivered to the node. */
  resync?: string
}

/**
 * Where a stream begins: after the last event, or, without one, after the node's state. If the position cannot be
 * resumed, the node is always told.
 */
function startOf({ lastEventId, revision }: Whereabouts, no: number, heads: Heads): Start {
  const state = revision === '' ? undefined : heads.find(revision)
  if (state?.unknown !== undefined) return { resync: `the revision ${state.unknown}` }
  const cursor = lastEventId === '' ? state : heads.find(lastEventId)
  if (!cursor) return {}
  if (cursor.unknown !== undefined) return { resync: `the last event id ${cursor.unknown}` }
  if (heads.canResume(no, cursor.seq))
    return { cursorSeq: cursor.seq, isProven: !!state?.isRevision }
  return { resync: 'the last event id is older than the event log' }
}

function isIn(ascending: Uint32Array, no: number): boolean {
  let low = 0
  let high = ascending.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const value = ascending[middle] ?? 0
    if (value === no) return true
    if (value < no) low = middle + 1
    else high = middle - 1
  }
  return false
}
