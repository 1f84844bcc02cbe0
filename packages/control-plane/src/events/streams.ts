import type { Follower } from '../log/log.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { isAmong } from '../rows/log/audience.ts'
import type { LoggedEvent } from '../rows/log/events.ts'
import { createCounter } from './counter.ts'
import { openNodeStream, type StreamSources } from './node-stream.ts'
import { createResyncTurns } from './resync-turns.ts'
import { createSlices } from './slices.ts'
import type { Whereabouts } from './stream-start.ts'
import type { Sink, Subscription } from './subscription.ts'

export interface NodeSink extends Sink {
  /** Sends a keep-alive, unless the reader is behind; one that has taken nothing for `maxStallMs` is cut off. */
  keepAlive(maxStallMs: number): void
  onClose(run: () => void): void
  /** Whether it comes here by another control plane. */
  isPassedOn?: boolean
}

/** The open event streams, one per node. */
export interface Streams {
  /** Ends the node's previous stream, if there is one. */
  open(node: NodeRecord, at: Whereabouts, sink: NodeSink): void
  end(no: number): void
  /** The node has pulled its state. */
  pulled(no: number): void
  endAll(): void
  /** Ends each of those that came here themselves, the oldest first; what comes by another control plane would come by that again. */
  ends(): (() => void)[]
  /** Sends a keep-alive to every stream, and cuts off stalled ones. */
  keepAlive(): Promise<void>
  count(): number
  follow: Follower
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

export function createStreams(sources: StreamSources): Streams {
  const { presence, clock } = sources
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
        if (isAmong(event.audience, no)) subscription.offer(event)
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
    const subscription = openNodeStream({ ...sources, turns, slices, costlyForAll }, no, at, sink)
    const stream = { subscription, sink, openedMs: clock.monotonic() }
    streams.set(no, stream)
    sink.onClose(() => {
      subscription.close()
      if (streams.get(no) === stream) detach(no)
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
    ends() {
      const direct = Array.from(streams).filter(([, { sink }]) => !sink.isPassedOn)
      return direct.map(([no, stream]) => () => {
        if (streams.get(no) === stream) end(no)
      })
    },
    async keepAlive() {
      for (const { sink } of streams.values()) {
        sink.keepAlive(maxStallMs)
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
