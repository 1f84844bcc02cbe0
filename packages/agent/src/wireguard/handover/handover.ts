import { hasSession, type PeerChange, type WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'

/**
 * A peer that changes its key, make before break. The new key is added without allowed IPs while the old one is still
 * in use; when the peer starts to use the new key, the allowed IPs are moved in one call. Otherwise every packet would be lost
 * from the announcement of the key until the peer uses it.
 *
 * Packets that the peer sends under its new key before the allowed IPs are moved would be lost as well. So the new key is
 * blocked while it waits, by a random PSK. The first message of a handshake is still visible, but the
 * handshake cannot complete, and the peer queues its packets until we have moved the allowed IPs and started a handshake.
 */
export type Handover = DeviceRecord['handovers'][number]

/** With keepalive the new key is tried at once and every 5 s, which finds a peer that switched before the announcement. */
const waitingKeepaliveSeconds = 25

/** The new key, added so that its use can be noticed. */
export function waitingPeer(
  peer: { public_key: string; psk: string; endpoint: string },
  currentEndpoint: string,
): PeerChange {
  // The peer's current endpoint is better than the control plane's.
  const endpoint = currentEndpoint || peer.endpoint
  return {
    public_key: peer.public_key,
    type: 'add',
    psk: peer.psk,
    allowed_ips: [],
    keepalive_seconds: waitingKeepaliveSeconds,
    ...(endpoint === '' ? {} : { endpoint }),
  }
}

/**
 * Re-added, because WireGuard would not retry a handshake with the same peer for five seconds once it is unblocked. The endpoint
 * is included, because it is part of the desired state; nothing is sent to it.
 */
export function shutPeer({ to }: Handover, nobodysPsk: string, endpoint: string): PeerChange[] {
  return [
    { public_key: to, type: 'remove' },
    {
      public_key: to,
      type: 'add',
      psk: nobodysPsk,
      allowed_ips: [],
      ...(endpoint === '' ? {} : { endpoint }),
    },
  ]
}

/**
 * Moves the allowed IPs to the new key, and removes the old one: two writes, a moment apart. A blocked key is unblocked
 * with `psk` and starts a handshake at once, to the peer's last source address. Without a PSK the key is not blocked.
 */
export function completion(
  { from, to, allowed_ips, shut }: Handover,
  {
    psk,
    endpoint = '',
    keepaliveSeconds,
  }: {
    psk?: string | undefined
    endpoint?: string | undefined
    keepaliveSeconds: number
  },
): [move: PeerChange[], end: PeerChange[]] {
  const end: PeerChange[] = [
    { public_key: from, type: 'remove' },
    { public_key: to, type: 'update', keepalive_seconds: keepaliveSeconds },
  ]
  if (!shut || psk === undefined) return [[{ public_key: to, type: 'update', allowed_ips }], end]
  const opened: PeerChange = {
    public_key: to,
    type: 'add',
    psk,
    allowed_ips,
    keepalive_seconds: waitingKeepaliveSeconds,
    ...(endpoint === '' ? {} : { endpoint }),
  }
  return [[{ public_key: to, type: 'remove' }, opened], end]
}

/** How long before its use a node's new key is announced to its peers. */
export const newKeyNoticeMs = 2_000

/**
 * The time until the next check whether a peer uses its new key, by the age of the announcement. Around the expected switch each
 * packet counts; earlier and later, a check, which may read a thousand peers, is more expensive than the loss.
 */
export function pauseAt(ageMs: number): number {
  const lateMs = ageMs - newKeyNoticeMs
  if (lateMs > -500 && lateMs < 2_000) return 2
  return lateMs < 8_000 ? 20 : 500
}

/** The peers whose new key should be blocked now: one that switched early would have been found. */
export function unshutHandovers(handovers: readonly Handover[], bootMs: number): Handover[] {
  return handovers.filter(
    (one) => isWaiting(one) && !one.shut && ageOf(one.started_ms, bootMs) > openMs,
  )
}

const openMs = 500

/** In boot time, and in the wall clock that WireGuard uses for handshakes. */
interface Now {
  bootMs: number
  seconds: number
}

/** Times from before the boot count as old. */
function ageOf(ms: number, bootMs: number): number {
  return ms > bootMs ? Number.POSITIVE_INFINITY : bootMs - ms
}

/** The handovers that are due, given the current state of the interface. */
export function dueHandovers(
  handovers: readonly Handover[],
  peers: readonly WgPeer[],
  now: Now,
): Handover[] {
  const byKey = new Map(peers.map((peer) => [peer.public_key, peer]))
  return handovers.filter(
    (one) => isWaiting(one) && isDue(one, byKey.get(one.from), byKey.get(one.to), now),
  )
}

function isDue(
  { started_ms }: Handover,
  from: WgPeer | undefined,
  to: WgPeer | undefined,
  { bootMs, seconds }: Now,
): boolean {
  if (!from) return true
  // The byte counter grows with the first message of a handshake, before the handshake is complete.
  if (to && (to.rx_bytes > 0 || to.handshake_at > 0)) return true
  const ageMs = ageOf(started_ms, bootMs)
  const isOldDead = !hasSession(from, seconds)
  return ageMs > longestMs || (ageMs > patienceMs && isOldDead)
}

/** Whether the allowed IPs are still on the old key. */
export function isWaiting({ moved_ms }: Handover): boolean {
  return moved_ms === undefined
}

/** The handovers whose old key can be removed: packets in flight under it have arrived. */
export function endedHandovers(handovers: readonly Handover[], bootMs: number): Handover[] {
  return handovers.filter(({ moved_ms = bootMs }) => ageOf(moved_ms, bootMs) >= restMs)
}

const restMs = 200

/** A peer that crashed during its rotation comes back with the old key, and keeps it for a while. */
const patienceMs = 10_000
/** But an old key is not accepted forever. */
const longestMs = 10 * 60_000
