import { hasSession } from '../backend/session.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { addedSpeaking } from './keepalive.ts'

/** A peer as it should be. */
export interface WantedPeer {
  public_key: string
  psk: string
  /** The control plane's; empty while it knows none. */
  endpoint: string
  allowed_ips: readonly string[]
  keepalive_seconds: number
}

/** Public key -> the endpoint that was last written for the control plane, wherever the peer has roamed to since. */
export type WrittenEndpoints = ReadonlyMap<string, string>

/**
 * The changes that lead from the peers that are to those that should be: removals first, so that an allowed IP is free
 * before it is given away, then updates, then additions. Pure.
 *
 * A peer without a session that gets another endpoint is added anew: WireGuard may have tried the old one, or none,
 * a moment ago, and would not try again for five seconds. It is spoken to at once: it may have got our endpoint in the
 * same moment, and a session that it has begun ends with what it was begun with.
 */
export function diffPeers(
  wanted: readonly WantedPeer[],
  actual: readonly WgPeer[],
  written: WrittenEndpoints,
  nowSeconds: number,
): PeerChange[] {
  const present = new Map(actual.map((peer) => [peer.public_key, peer]))
  const keys = new Set(wanted.map(({ public_key }) => public_key))
  const removals = actual
    .filter(({ public_key }) => !keys.has(public_key))
    .map(({ public_key }) => removalOf(public_key))
  const updates: PeerChange[] = []
  const additions: PeerChange[] = []
  const moved: WantedPeer[] = []
  for (const peer of wanted) {
    const now = present.get(peer.public_key)
    const update = now && updateOf(peer, now, written.get(peer.public_key), nowSeconds)
    if (update?.endpoint !== undefined && now && !hasSession(now, nowSeconds)) {
      moved.push(peer)
    } else if (update) updates.push(update)
    if (!now) additions.push(additionOf(peer))
  }
  return [...removals, ...updates, ...additions, ...addedSpeaking(moved)]
}

function removalOf(public_key: string): PeerChange {
  return { public_key, type: 'remove' }
}

function additionOf({ keepalive_seconds, endpoint, ...peer }: WantedPeer): PeerChange {
  return {
    ...peer,
    type: 'add',
    ...(endpoint === '' ? {} : { endpoint }),
    ...(keepalive_seconds === 0 ? {} : { keepalive_seconds }),
  }
}

function updateOf(
  wanted: WantedPeer,
  actual: WgPeer,
  written: string | undefined,
  nowSeconds: number,
): PeerChange | undefined {
  const { public_key, psk, endpoint, allowed_ips, keepalive_seconds } = wanted
  const change: PeerChange = {
    public_key,
    type: 'update',
    ...(psk === actual.psk ? {} : { psk }),
    ...(isEndpointDue(endpoint, actual, written, nowSeconds) ? { endpoint } : {}),
    ...(isSameSet(allowed_ips, actual.allowed_ips) ? {} : { allowed_ips }),
    ...(keepalive_seconds === actual.keepalive_seconds ? {} : { keepalive_seconds }),
  }
  return Object.keys(change).length > 2 ? change : undefined
}

/**
 * A peer roams: WireGuard follows it to where its packets come from, and writing the control plane's value again would
 * cut it off. So a value is written once, when it is new. Nobody knows what was written when the record is lost; then
 * a peer that has shaken hands lately stays where it is.
 */
function isEndpointDue(
  endpoint: string,
  actual: WgPeer,
  written: string | undefined,
  nowSeconds: number,
): boolean {
  if (endpoint === '' || endpoint === actual.endpoint) return false
  if (actual.endpoint === '') return true
  if (written !== undefined) return endpoint !== written
  return !hasSession(actual, nowSeconds)
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.toSorted().join() === other.toSorted().join()
}
