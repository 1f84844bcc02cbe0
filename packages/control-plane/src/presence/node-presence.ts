import { isDeepStrictEqual } from 'node:util'
import type { HeartbeatRequest, UpgradeStatus } from '@plexd/protocol'

/** What of a heartbeat is kept. */
export interface Heartbeat extends Omit<HeartbeatRequest, 'upgrade'> {
  upgrade?: UpgradeStatus
}

/**
 * A node's liveness and progress, in memory only; -1 for an unknown sequence. Times are milliseconds of
 * the monotonic clock, unless stated otherwise.
 */
export interface NodePresence {
  /** The last heartbeat, or the last saved one from before the restart; since 1970, for display. */
  lastSeenMs: number | null
  /** The last heartbeat, or since when one is expected: the registration or our own start. Measured in listening time. */
  heardMs: number
  heartbeat: Heartbeat | null
  /** Since when it reports the problems of its last heartbeat; since 1970, for display. Null if that has no `problems`. */
  problemsSinceMs: number | null
  /** Positive if the node's clock is ahead. */
  clockSkewMs: number
  /** Sequence of the newest revision the node has pulled. */
  fetchedSeq: number
  /** Sequence up to which the node has all its events: first its cursor, then what was flushed to its stream. */
  flushedSeq: number
  /** The value of that when the current `maxFlightMs` began. */
  settledSeq: number
  settledMs: number
  /** Only a pull of at least this revision replaces events that were not sent. */
  owedSeq: number
  /** Whether it has shown a state of this history since our start: a backup may have been restored before. */
  hasBase: boolean
  streams: number
  streamClosedMs: number
}

/** Of a node that nothing is known of. */
export const unknown: Readonly<NodePresence> = {
  lastSeenMs: null,
  heardMs: 0,
  heartbeat: null,
  problemsSinceMs: null,
  clockSkewMs: 0,
  fetchedSeq: -1,
  flushedSeq: -1,
  settledSeq: -1,
  settledMs: Number.NEGATIVE_INFINITY,
  owedSeq: -1,
  hasBase: false,
  streams: 0,
  streamClosedMs: Number.NEGATIVE_INFINITY,
}

const reconnectMs = 35_000
export const maxFlightMs = 10_000

/** Whether the node needs a pull. */
export function owesPull({ fetchedSeq, owedSeq }: NodePresence): boolean {
  return fetchedSeq < owedSeq
}

/** Whether a node that has received an event by its stream also has everything before it. */
export function isWhole(node: NodePresence): boolean {
  return node.hasBase && !owesPull(node)
}

/** Whether its stream is about to deliver everything up to `seq`, or has just done so. */
export function isOnTheWay(node: NodePresence, seq: number, nowMs: number): boolean {
  const { streams, owedSeq, flushedSeq, settledSeq, settledMs } = node
  const settled = nowMs - settledMs < maxFlightMs ? settledSeq : flushedSeq
  return streams > 0 && seq >= Math.max(settled, owedSeq)
}

/** Whether a stream is open, or was recently: Go nodes reconnect every 30 s. */
export function isConnected({ streams, streamClosedMs }: NodePresence, nowMs: number): boolean {
  return streams > 0 || nowMs - streamClosedMs < reconnectMs
}

/** Whether the node lags behind its desired state. Go nodes ignore events, so only their pulls count. */
export function lags(
  node: NodePresence,
  { isGo, headSeq }: { isGo: boolean; headSeq: number },
): boolean {
  const { fetchedSeq, flushedSeq, hasBase } = node
  if (isGo) return fetchedSeq < headSeq
  return !hasBase || owesPull(node) || Math.max(fetchedSeq, flushedSeq) < headSeq
}

/** Every heartbeat repeats the problems; an unchanged list keeps its start time. */
export function problemsSince(
  { heartbeat: before, problemsSinceMs }: NodePresence,
  { problems }: Heartbeat,
  nowMs: number,
): number | null {
  if (problems === undefined) return null
  return isDeepStrictEqual(before?.problems, problems) ? problemsSinceMs : nowMs
}

/** Go nodes send the year 1, which means nothing. */
export function clockSkewOf({ timestamp }: Heartbeat, nowMs: number): number {
  const sentMs = Date.parse(timestamp ?? '')
  return Number.isNaN(sentMs) || sentMs < Date.UTC(1970) ? 0 : sentMs - nowMs
}
