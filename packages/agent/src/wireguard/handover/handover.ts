import { hasSession } from '../backend/session.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'

/**
 * A peer that changes its key, make before break. The new key is added without allowed IPs while the old one carries
 * on; when the peer has begun to use the new key, the allowed IPs move in one call. Without this every packet is lost
 * from the moment the control plane tells of the key until the peer has it in use.
 *
 * What the peer sends under its new key before the allowed IPs have moved would be lost as well. So the new key is shut
 * while it waits: it gets a PSK that nobody has. The first message of a handshake shows itself without it, but the
 * handshake cannot end, and the peer keeps its packets until we have moved the allowed IPs and shake hands ourselves.
 */
export type Handover = DeviceRecord['handovers'][number]

/** With keepalive the new key is tried at once and each 5 s, so a peer that was faster than the news is found. */
const waitingKeepaliveSeconds = 25

/** The new key, ready to be recognised. */
export function waitingPeer(
  peer: { public_key: string; psk: string; endpoint: string },
  currentEndpoint: string,
): PeerChange {
  // Where the peer is at this moment beats what the control plane believes.
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
 * Anew, because WireGuard would not try the same peer again for five seconds once this opens. With an endpoint, which is
 * part of what was asked for and would be missed; nothing is sent there.
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
 * Moves the allowed IPs to the new key, and ends the old one: two writes, a moment apart. A key that is shut
 * opens with `psk` and speaks at once, to where the peer spoke from. Without a PSK the key is open already.
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

/** So long before a node uses a new key its peers hear of it: they can be ready. */
export const newKeyNoticeMs = 2_000

/**
 * Until the next look whether a peer that has a new key for so long uses it. Around the moment in which it should, each
 * packet counts; before and after a look, which may be one at a thousand peers, is worth more.
 */
export function pauseAt(ageMs: number): number {
  const lateMs = ageMs - newKeyNoticeMs
  if (lateMs > -500 && lateMs < 2_000) return 2
  return lateMs < 8_000 ? 20 : 500
}

/** Those whose new key should be shut by now: a peer that was faster than the news would have been found. */
export function unshutHandovers(handovers: readonly Handover[], bootMs: number): Handover[] {
  return handovers.filter(
    (one) => isWaiting(one) && !one.shut && ageOf(one.started_ms, bootMs) > openMs,
  )
}

const openMs = 500

/** By the clock of the machine's start, and by the one by which WireGuard tells of handshakes. */
interface Now {
  bootMs: number
  seconds: number
}

/** What is of before the machine started is old. */
function ageOf(ms: number, bootMs: number): number {
  return ms > bootMs ? Number.POSITIVE_INFINITY : bootMs - ms
}

/** Those whose time has come, given what the interface says now. */
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
  // Bytes arrive with the first message of a handshake, before the handshake is complete.
  if (to && (to.rx_bytes > 0 || to.handshake_at > 0)) return true
  const ageMs = ageOf(started_ms, bootMs)
  const isOldDead = !hasSession(from, seconds)
  return ageMs > longestMs || (ageMs > patienceMs && isOldDead)
}

/** Whether the allowed IPs are still those of the old key. */
export function isWaiting({ moved_ms }: Handover): boolean {
  return moved_ms === undefined
}

/** Those whose old key can end: what was on its way under it when the allowed IPs moved has been sent. */
export function endedHandovers(handovers: readonly Handover[], bootMs: number): Handover[] {
  return handovers.filter(({ moved_ms = bootMs }) => ageOf(moved_ms, bootMs) >= restMs)
}

const restMs = 200

/** A peer that crashed in the middle of its rotation comes back with the old key, and keeps it for a while. */
const patienceMs = 10_000
/** But an old key is not honoured for ever. */
const longestMs = 10 * 60_000
