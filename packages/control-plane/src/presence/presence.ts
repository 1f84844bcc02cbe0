import type { Clock } from '@plexd/runtime'
import { createListening } from './listening.ts'
import {
  clockSkewOf,
  type Heartbeat,
  isConnected,
  isOnTheWay,
  isWhole,
  lags,
  maxFlightMs,
  type NodePresence,
  owesPull,
  problemsSince,
  unknown,
} from './node-presence.ts'

/** The liveness and progress of all nodes, in memory only. */
export interface Presence {
  of(no: number): Readonly<NodePresence>
  /** From now on heartbeats are expected from the node. */
  expect(no: number, lastSeenMs: number | null): void
  heard(no: number, heartbeat: Heartbeat): void
  /** Call this several times per heartbeat interval: see listening.ts. */
  beat(): void
  /** How long the node has been silent, counting only the time we could have heard it. */
  silentMs(no: number): number
  fetched(no: number, seq: number): void
  flushed(no: number, seq: number): void
  /** The node has named a revision of this history. */
  named(no: number): void
  /** The node was told to pull, instead of getting the events up to `seq`. */
  owes(no: number, seq: number): void
  /** `cursorSeq` undefined: the stream starts at `headSeq`, without earlier events. */
  streamOpened(no: number, stream: { cursorSeq: number | undefined; headSeq: number }): void
  streamClosed(no: number): void
  /** Whether the node needs a pull. */
  owesPull(no: number): boolean
  /** Whether a node that has received an event by its stream also has everything before it. */
  isWhole(no: number): boolean
  /**
   * Whether a node that has everything up to `seq` only needs to wait: its stream is about to deliver the rest,
   * or has just done so while the node asked. Limited in time: after that it may be lost, and a pull must help.
   */
  isOnTheWay(no: number, seq: number): boolean
  /** Whether a stream is open, or was recently: Go nodes reconnect every 30 s. */
  isConnected(no: number): boolean
  /** Whether the node lags behind its desired state. Go nodes ignore events, so only their pulls count. */
  needsReconcile(node: { no: number; is_go: boolean }, headSeq: number): boolean
  forget(no: number): void
  /** The nodes heard from since the last call, with the time; pass back those that could not be saved. */
  takeUnsaved(): Map<number, number>
  giveBack(unsaved: ReadonlyMap<number, number>): void
}

export function createPresence(
  clock: Clock,
  { heartbeatIntervalMs }: { heartbeatIntervalMs: number },
): Presence {
  const listening = createListening(clock, { gapMs: heartbeatIntervalMs })
  const nodes = new Map<number, NodePresence>()
  let unsaved = new Map<number, number>()

  /** For a removed node, whose last request may still be in progress, a copy that nobody else sees. */
  const of = (no: number): NodePresence => nodes.get(no) ?? { ...unknown }

  return {
    of,
    expect(no, lastSeenMs) {
      nodes.set(no, { ...unknown, lastSeenMs, heardMs: listening.ms() })
    },
    heard(no, heartbeat) {
      const node = of(no)
      const nowMs = clock.now()
      node.problemsSinceMs = problemsSince(node, heartbeat, nowMs)
      node.lastSeenMs = nowMs
      node.heardMs = listening.ms()
      node.heartbeat = heartbeat
      node.clockSkewMs = clockSkewOf(heartbeat, nowMs)
      if (nodes.has(no)) unsaved.set(no, nowMs)
    },
    beat: listening.beat,
    silentMs(no) {
      return listening.ms() - Math.max(of(no).heardMs, listening.sinceMs())
    },
    fetched(no, seq) {
      const node = of(no)
      node.fetchedSeq = Math.max(node.fetchedSeq, seq)
      node.hasBase = true
    },
    flushed(no, seq) {
      const node = of(no)
      const nowMs = clock.monotonic()
      if (nowMs - node.settledMs >= maxFlightMs) {
        node.settledSeq = node.flushedSeq
        node.settledMs = nowMs
      }
      node.flushedSeq = Math.max(node.flushedSeq, seq)
    },
    named(no) {
      of(no).hasBase = true
    },
    owes(no, seq) {
      const node = of(no)
      node.owedSeq = Math.max(node.owedSeq, seq)
    },
    streamOpened(no, { cursorSeq, headSeq }) {
      const node = of(no)
      node.streams++
      // Not the maximum of both: a node may have lost what was flushed to it.
      node.flushedSeq = cursorSeq ?? headSeq
      node.settledSeq = node.flushedSeq
      node.settledMs = clock.monotonic()
      if (cursorSeq === undefined) node.owedSeq = headSeq
    },
    streamClosed(no) {
      const node = of(no)
      node.streams--
      node.streamClosedMs = clock.monotonic()
    },
    owesPull: (no) => owesPull(of(no)),
    isWhole: (no) => isWhole(of(no)),
    isOnTheWay: (no, seq) => isOnTheWay(of(no), seq, clock.monotonic()),
    isConnected: (no) => isConnected(of(no), clock.monotonic()),
    needsReconcile: ({ no, is_go: isGo }, headSeq) => lags(of(no), { isGo, headSeq }),
    forget(no) {
      nodes.delete(no)
      unsaved.delete(no)
    },
    takeUnsaved() {
      const taken = unsaved
      unsaved = new Map()
      return taken
    },
    giveBack(taken) {
      unsaved = new Map([...taken, ...unsaved])
    },
  }
}
