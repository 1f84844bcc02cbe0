import { ApiError, relayEnds } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { WebSocket } from 'ws'
import { type Closing, createHalf, type Half, pingMs } from './half.ts'
import { createPair, type Pair, type Side } from './pair.ts'
import { startTimer } from './timer.ts'

/** What the relay has to know of a session. */
export interface Relayed {
  readonly id: string
  readonly node_id: string
  /** Milliseconds since 1970. */
  readonly expires_at: number
}

/**
 * Connects the two sides of sessions. They come by WebSockets, in any order. The client waits 15 s for the node; the node waits until
 * the session ends, because nobody knows when the client comes. A node that comes again after both were there says that it has let nobody
 * in: it has one client, ever, and knows whom.
 */
export interface Relay extends AsyncDisposable {
  /**
   * Throws an ApiError: 409 if the session has expired or the side is taken, or the client was there and its node has not come again, and 503 while stopping.
   * A node may come again while it waits for the client: its first connection may be lost without our knowing.
   */
  demandFree(session: Relayed, side: Side): void
  /** To be called in the same turn as `demandFree`. */
  join(session: Relayed, side: Side, socket: WebSocket): void
  /** Ends the relay of a session that has ended, within a second, if there is one; both sides are told why. */
  cut(sessionId: string, closing: Closing): void
  /** The same, if one side is still waiting for the other. */
  dismiss(sessionId: string, closing: Closing): void
  /** Lets nobody in any more and ends all; resolves when they are over. */
  stop(): Promise<void>
  /** How many have both sides. */
  open(): number
  /** Of how many sessions something is kept. */
  size(): number
}

export interface RelayOptions {
  clock: Clock
  log: Log
  onBytes?(side: Side, count: number): void
  /** Of a client for its node. The reason in `relayEnds` names the default. */
  waitMs?: number
}

/** Kept until the session has ended if both sides were there: the client's cannot be taken again as it likes. */
interface Entry {
  readonly session: Relayed
  /** Another one after the node has come again. */
  pair: Pair
  readonly expiry: Disposable
  wait?: Disposable
  /** The session has ended, so nobody is let in to its relay. */
  hasEnded?: boolean
}

export function createRelay({ clock, log, onBytes, waitMs = 15_000 }: RelayOptions): Relay {
  const entries = new Map<string, Entry>()
  const connected = new Set<Half>()
  let isStopping = false
  const ticking = clock.every(pingMs, () => {
    for (const half of connected) half.keepAlive()
  })

  function entryOf(session: Relayed): Entry {
    return entries.getOrInsertComputed(session.id, () => ({
      session,
      pair: pairOf(session),
      expiry: startTimer(clock, session.expires_at - clock.now(), () => {
        cut(session.id, relayEnds.expired)
        entries.delete(session.id)
      }),
    }))
  }

  function pairOf(session: Relayed): Pair {
    return createPair({ onBytes: (side, count) => onBytes?.(side, count), ...told(session) })
  }

  function told({ id: session_id, node_id }: Relayed) {
    let begunMs = 0
    return {
      onJoined() {
        begunMs = clock.monotonic()
        log.info('relay begun', { session_id, node_id })
      },
      onOver({ reason }: { reason: string }, bytes: { client: number; node: number }) {
        const duration_ms = Math.round(clock.monotonic() - begunMs)
        const counts = { bytes_in: bytes.client, bytes_out: bytes.node }
        log.info('relay ended', { session_id, node_id, reason, duration_ms, ...counts })
      },
    }
  }

  /** What nobody has joined can be taken again, and of a session that has ended nothing can be taken. */
  function forget({ pair, session, expiry, wait, hasEnded = false }: Entry): void {
    if (!pair.isEmpty() || (pair.wasJoined() && !hasEnded)) return
    wait?.[Symbol.dispose]()
    expiry[Symbol.dispose]()
    entries.delete(session.id)
  }

  function cutEntry(entry: Entry, closing: Closing): void {
    entry.pair.cut(closing)
    forget(entry)
  }

  function cut(sessionId: string, closing: Closing): void {
    const entry = entries.get(sessionId)
    if (!entry) return
    entry.hasEnded = true
    cutEntry(entry, closing)
  }

  function dismiss(sessionId: string, closing: Closing): void {
    const entry = entries.get(sessionId)
    if (!entry) return
    entry.hasEnded = true
    if (entry.pair.wasJoined()) forget(entry)
    else cutEntry(entry, closing)
  }

  function demandFree(session: Relayed, side: Side): void {
    if (session.expires_at <= clock.now())
      throw new ApiError('conflict', `session "${session.id}" has expired`)
    demandPlace(session, side)
  }

  function demandPlace({ id }: Relayed, side: Side): void {
    if (isStopping)
      throw new ApiError('unavailable', relayEnds.stopping.reason, { retryAfterSeconds: 1 })
    const pair = entries.get(id)?.pair
    if (pair?.wasJoined() && (side === 'client' || pair.isOpen()))
      throw new ApiError('conflict', `session "${id}" is relayed once: its ${side} was connected`)
    if (side === 'client' && pair?.has('client'))
      throw new ApiError('conflict', `session "${id}" has a client already`)
  }

  function join(session: Relayed, side: Side, socket: WebSocket): void {
    demandPlace(session, side)
    const entry = entryOf(session)
    if (entry.pair.wasJoined()) {
      // What is left of it is a close that its client does not answer.
      entry.pair.cut(relayEnds.replaced)
      entry.pair = pairOf(session)
    }
    const { pair } = entry
    const half = createHalf(socket, {
      clock,
      onText: () => half.cut(relayEnds.not_binary),
      onClosed(closing) {
        connected.delete(half)
        pair.closed(half, closing)
        forget(entry)
      },
    })
    connected.add(half)
    entry.wait?.[Symbol.dispose]()
    pair.put(side, half)
    if (side === 'client' && !pair.wasJoined())
      entry.wait = startTimer(clock, waitMs, () => cutEntry(entry, relayEnds.no_node))
  }

  async function stop(): Promise<void> {
    isStopping = true
    for (const entry of [...entries.values()]) cutEntry(entry, relayEnds.stopping)
    await Promise.all(Array.from(connected, ({ over }) => over))
  }

  return {
    demandFree,
    join,
    cut,
    dismiss,
    stop,
    open: () => entries.values().reduce((sum, { pair }) => sum + Number(pair.isOpen()), 0),
    size: () => entries.size,
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      await stop()
      for (const { expiry } of entries.values()) expiry[Symbol.dispose]()
      entries.clear()
    },
  }
}
