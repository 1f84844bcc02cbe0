import type { Peer } from '@plexd/protocol'
import { hasSession, type PeerChange, type WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import { addedSpeaking } from './keepalive.ts'

export function additionOf(
  { public_key, psk, endpoint, allowed_ips }: Peer,
  keepaliveSeconds: number,
): PeerChange {
  return {
    public_key,
    psk,
    allowed_ips,
    type: 'add',
    ...(endpoint === '' ? {} : { endpoint }),
    ...(keepaliveSeconds === 0 ? {} : { keepalive_seconds: keepaliveSeconds }),
  }
}

/**
 * The changes that an existing peer needs; none if it is as desired. A key that waits for its handover gets the allowed IPs
 * with that, and keeps the keepalive by which its use is noticed. Pure.
 *
 * A peer without a session that gets another endpoint is re-added: WireGuard may just have tried the old endpoint,
 * and would not retry for five seconds. We start a handshake at once: the peer may have received our endpoint at the
 * same time, and a session that it has started ends with the old entry.
 */
export function updatesOf(
  peer: Peer,
  now: WgPeer,
  isWaiting: boolean,
  situation: {
    record: DeviceRecord
    opening: ReadonlyMap<string, string>
    withheld: ReadonlyMap<string, string>
    keepaliveSeconds: number
    nowMs: number
  },
): PeerChange[] {
  const { public_key, psk, endpoint } = peer
  const allowed_ips = isWaiting ? now.allowed_ips : peer.allowed_ips
  const isInSession = hasSession(now, situation.nowMs / 1_000)
  const isMoved =
    situation.withheld.get(public_key) !== endpoint &&
    isEndpointDue(peer, now, situation.record.peers[public_key], isInSession)
  if (isMoved && !isInSession) {
    const keepalive_seconds = isWaiting ? now.keepalive_seconds : situation.keepaliveSeconds
    return addedSpeaking([{ public_key, psk, endpoint, allowed_ips, keepalive_seconds }])
  }
  const isOpenLater = situation.opening.get(public_key) === psk
  const change: PeerChange = {
    public_key,
    type: 'update',
    ...(psk === now.psk || isOpenLater ? {} : { psk }),
    ...(isMoved ? { endpoint } : {}),
    ...(isSameSet(allowed_ips, now.allowed_ips) ? {} : { allowed_ips }),
  }
  return Object.keys(change).length > 2 ? [change] : []
}

/**
 * A peer may roam: WireGuard follows the source of its packets, and rewriting the control plane's endpoint would
 * cut it off. So an endpoint is written once, when it is new. If the record is lost it is unknown what was written; then
 * a peer with a recent handshake keeps its endpoint.
 */
function isEndpointDue(
  { endpoint, nat_type }: Peer,
  now: WgPeer,
  written: { endpoint: string } | undefined,
  isInSession: boolean,
): boolean {
  // A symmetric NAT uses another port towards us than the STUN server saw: the endpoint WireGuard found is right.
  if (nat_type === 'symmetric' && isInSession) return false
  if (endpoint === '' || endpoint === now.endpoint) return false
  if (now.endpoint === '') return true
  return written ? endpoint !== written.endpoint : !isInSession
}

/** Fast path for one allowed IP, the usual case; there may be thousands of peers. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  return one.length < 2 ? one[0] === other[0] : one.toSorted().join() === other.toSorted().join()
}
