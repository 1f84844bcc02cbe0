import { type Clock, describeError, type Log, withJitter } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { addedSpeaking } from './keepalive.ts'

/** The changes that make WireGuard retry handshakes with those of these peers that have not answered. Pure. */
export function handshakeRetries(
  publicKeys: readonly string[],
  peers: readonly WgPeer[],
): PeerChange[] {
  const keys = new Set(publicKeys)
  return addedSpeaking(peers.filter((peer) => keys.has(peer.public_key) && isUnanswered(peer)))
}

function isUnanswered({ endpoint, handshake_at, tx_bytes }: WgPeer): boolean {
  return endpoint !== '' && handshake_at === 0 && tx_bytes > 0
}

/** The peers that get their first endpoint by these writes. */
export function newlyReachable(writes: readonly PeerChange[]): string[] {
  return writes
    .filter(({ type, endpoint }) => type === 'add' && endpoint)
    .map(({ public_key }) => public_key)
}

/**
 * Retries handshakes with new peers that do not answer. Two nodes learn of each other at about the same time: the first
 * initiation is often dropped, by a peer that does not know us yet or by its NAT; and if both start at once, neither handshake completes.
 */
export interface HandshakeRetries extends AsyncDisposable {
  watch(publicKeys: readonly string[]): void
}

/** The delays before each retry; jitter keeps two nodes from colliding again. */
const pausesMs = [700, 1_500, 3_000]
/** Retries due within this time are made together, because each reads the whole interface. */
const togetherMs = 250
/** Limits the burst when a large mesh starts. */
const maxWatched = 100

export function startHandshakeRetries(deps: {
  /** Retries those that have not answered, and resolves to them. */
  tryAgain(publicKeys: readonly string[]): Promise<ReadonlySet<string>>
  clock: Clock
  log: Log
  random?: () => number
}): HandshakeRetries {
  const { tryAgain, clock, log, random } = deps
  const trigger = createTrigger(clock)
  let watched: { publicKeys: readonly string[]; tries: number; dueMs: number }[] = []

  function add(publicKeys: readonly string[], tries: number): void {
    const pauseMs = pausesMs[tries]
    if (pauseMs === undefined || publicKeys.length === 0) return
    watched.push({ publicKeys, tries, dueMs: clock.monotonic() + withJitter(pauseMs, 0.4, random) })
  }

  async function tryDue(): Promise<void> {
    const untilMs = clock.monotonic() + togetherMs
    const due = watched.filter(({ dueMs }) => dueMs <= untilMs)
    watched = watched.filter((watch) => !due.includes(watch))
    const unanswered = await tryAgain([...new Set(due.flatMap(({ publicKeys }) => publicKeys))])
    for (const { publicKeys, tries } of due)
      add(
        publicKeys.filter((key) => unanswered.has(key)),
        tries + 1,
      )
  }

  const task = startTask(async (signal) => {
    for (;;) {
      const soonestMs = Math.min(...watched.map(({ dueMs }) => dueMs), clock.monotonic() + idleMs)
      await trigger.wait(Math.max(0, soonestMs - clock.monotonic()), signal)
      if (watched.every(({ dueMs }) => dueMs > clock.monotonic())) continue
      await tryDue().catch((error: unknown) =>
        log.debug('silent peers cannot be spoken to again', { error: describeError(error) }),
      )
    }
  })
  return {
    watch(publicKeys) {
      const room = maxWatched - watched.reduce((sum, watch) => sum + watch.publicKeys.length, 0)
      add(publicKeys.slice(0, Math.max(0, room)), 0)
      trigger.fire()
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

const idleMs = 24 * 3_600_000
