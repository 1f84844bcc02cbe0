import type { Clock, Log } from '@plexd/runtime'
import { asCursorOnly } from '../log/position.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { Presence } from '../presence/presence.ts'
import type { Reader } from '../store/db.ts'
import type { Counter } from './counter.ts'
import type { Frame, Frames } from './frames.ts'
import type { Heads } from './heads.ts'
import type { RecentEvents } from './missed/recent.ts'
import type { Unanswered } from './missed/unanswered.ts'
import type { ResyncTurns } from './resync-turns.ts'
import type { Slices } from './slices.ts'
import { type StreamStart, startOf, type Whereabouts } from './stream-start.ts'
import { createSubscription, type Sink, type Subscription } from './subscription.ts'

/** What the streams of nodes need. */
export interface StreamSources {
  fleet: Fleet
  heads: Heads
  presence: Presence
  frames: Frames
  reader: Reader
  recent: RecentEvents
  unanswered: Unanswered
  clock: Clock
  log: Log
  /** Records how many events have been flushed to a node. */
  onDelivered?: (count: number) => void
}

/** Shared by all streams, so that many at once do not block everyone else. */
export interface StreamTurns {
  turns: ResyncTurns
  slices: Slices
  costlyForAll: Counter
}

/** Delivers a node's events from its position on, and records its progress in its presence. */
export function openNodeStream(
  sources: StreamSources & StreamTurns,
  no: number,
  at: Whereabouts,
  sink: Sink,
): Subscription {
  const { fleet, heads, presence, frames, reader, recent, clock, log, onDelivered } = sources
  const headSeq = heads.of(no)
  const start = startOf(at, no, heads)
  presence.streamOpened(no, { cursorSeq: start.cursorSeq, headSeq })
  if (start.isProven) presence.named(no)
  const afterSeq = start.cursorSeq ?? heads.last()
  const textOf = ({ text, isResync }: Frame, seq: number): string => {
    if (isResync) presence.owes(no, seq)
    return presence.isWhole(no) ? text : asCursorOnly(text)
  }
  return createSubscription({
    no,
    afterSeq,
    behind: start.cursorSeq !== undefined && start.cursorSeq < headSeq,
    reader,
    recent: recent.of,
    sink,
    slices: sources.slices,
    prologue: () => prologueOf(sources, no, { start, headSeq, afterSeq, textOf }),
    async frameOf(event, live) {
      const node = fleet.nodeByNo(no)
      return node && (live ? frames.live(event, node) : frames.of(event, node))
    },
    textOf,
    resync: {
      turn: (lastMs) => sources.turns.wait(no, lastMs),
      frame: async (seq) => textOf(await frames.resync(seq, 'many changes at once'), seq),
      costlyForAll: sources.costlyForAll,
      now: clock.monotonic,
    },
    onFlushed(seq, count) {
      presence.flushed(no, seq)
      onDelivered?.(count)
    },
    log,
  })
}

interface Beginning {
  start: StreamStart
  headSeq: number
  afterSeq: number
  textOf: (frame: Frame, seq: number) => string
}

/** A resync if the position cannot be resumed, and the action requests that the node has not answered. */
async function* prologueOf(
  { fleet, frames, unanswered }: StreamSources,
  no: number,
  { start, headSeq, afterSeq, textOf }: Beginning,
): AsyncGenerator<string> {
  if (start.resync !== undefined) yield textOf(await frames.resync(headSeq, start.resync), headSeq)
  const node = fleet.nodeByNo(no)
  if (!node) return
  for (const event of await unanswered(node.id)) {
    // What is later is sent in its turn.
    const frame = event.seq <= afterSeq && (await frames.again(event, node))
    if (frame) yield frame
  }
}
