import type { Peer } from '@plexd/protocol'
import { hasSession } from '../backend/session.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
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
 * What a peer that is there needs; nothing when it is as wanted. A key that waits for its handover gets the allowed IPs
 * with that, and keeps the keepalive by which it is found. Pure.
 *
 * A peer without a session that gets another endpoint is added anew: WireGuard may have tried the old one, or none,
 * a moment ago, and would not try again for five seconds. It is spoken to at once: it may have got our endpoint in the
 * same moment, and a session that it has begun ends with what it was begun with.
 */
export function updatesOf(
  peer: Peer,
  now: WgPeer,
  isWaiting: boolean,
  situation: {
    record: DeviceRecord
    opening: ReadonlyMap<string, string>
    keepaliveSeconds: number
    nowMs: number
  },
): PeerChange[] {
  const { public_key, psk, endpoint } = peer
  const allowed_ips = isWaiting ? now.allowed_ips : peer.allowed_ips
  const isInSession = hasSession(now, situation.nowMs / 1_000)
  const isMoved = isEndpointDue(peer, now, situation.record.peers[public_key], isInSession)
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
 * A peer roams: WireGuard follows it to where its packets come from, and writing the control plane's value again would
 * cut it off. So a value is written once, when it is new. Nobody knows what was written when the record is lost; then
 * a peer that has shaken hands lately stays where it is.
 */
function isEndpointDue(
  { endpoint, nat_type }: Peer,
  now: WgPeer,
  written: { endpoint: string } | undefined,
  isInSession: boolean,
): boolean {
  // A symmetric NAT gives us another port than the one that the STUN server saw: what WireGuard found is right.
  if (nat_type === 'symmetric' && isInSession) return false
  if (endpoint === '' || endpoint === now.endpoint) return false
  if (now.endpoint === '') return true
  return written ? endpoint !== written.endpoint : !isInSession
}

/** A peer nearly always has one allowed IP, and there may be thousands of peers. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  return one.length < 2 ? one[0] === other[0] : one.toSorted().join() === other.toSorted().join()
}
