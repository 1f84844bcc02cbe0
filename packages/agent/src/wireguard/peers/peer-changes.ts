import type { Peer } from '@plexd/protocol'
import { hasSession } from '../backend/session.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { DeviceStep } from '../device/device.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import { type Handover, isWaiting, waitingPeer } from '../handover/handover.ts'
import { diffPeers } from './wg-diff.ts'

export interface Situation {
  /** Public key -> peer, as the interface has them. */
  actual: ReadonlyMap<string, WgPeer>
  record: DeviceRecord
  keepaliveSeconds: number
  nowMs: number
  /** Since the machine started. */
  bootMs: number
}

/** What to write, and what the record says once it is written. */
export interface PeerChanges {
  writes: readonly PeerChange[]
  record: DeviceRecord
}

/**
 * Translates steps into changes of the interface. A peer that is removed and added in one go has changed its key, and
 * is handed over instead. Pure.
 */
export function changesFor(steps: readonly DeviceStep[], situation: Situation): PeerChanges {
  const { actual, record, bootMs } = situation
  const given = steps.flatMap((step) => ('peer' in step ? [step.peer] : []))
  const removed = steps.filter((step) => step.type === 'peer_removed')
  const rotations = rotationsOf(given, removed, situation)

  const carriers = new Set([...rotations.values()].map(({ public_key }) => public_key))
  const ended = removed
    .flatMap(({ public_key }) => [public_key, ...carriersOf(public_key, record.handovers)])
    .filter((key) => !carriers.has(key))
  const removedKeys = new Set(removed.map(({ public_key }) => public_key))
  const handovers = [
    ...record.handovers.filter(({ to }) => !removedKeys.has(to)),
    ...[...rotations].map(([peer, from]) => handoverOf(peer, from.public_key, bootMs)),
  ].map((handover) => withAllowedIps(handover, given))

  const removals = ended.filter((key) => actual.has(key)).map(removalOf)
  const others = given.flatMap((peer) => {
    const from = rotations.get(peer)
    return from ? [waitingPeer(peer, from.endpoint)] : writesOf(peer, handovers, situation)
  })
  return {
    writes: [...removals, ...others],
    record: { ...record, handovers, peers: recordOf(record.peers, ended, given) },
  }
}

/** Peers whose key is new with these steps -> their old key, where the interface has that and not the new one. */
function rotationsOf(
  given: readonly Peer[],
  removed: readonly { peer_id: string; public_key: string }[],
  { actual, record }: Situation,
): Map<Peer, WgPeer> {
  const oldKeys = new Map(removed.map(({ peer_id, public_key }) => [peer_id, public_key]))
  return new Map(
    given.flatMap((peer): [Peer, WgPeer][] => {
      const oldKey = oldKeys.get(peer.id)
      if (oldKey === undefined || actual.has(peer.public_key)) return []
      const [carrier = oldKey] = carriersOf(oldKey, record.handovers.filter(isWaiting))
      const from = actual.get(carrier)
      return from ? [[peer, from]] : []
    }),
  )
}

/** Which key carries the traffic of a key that is still waiting. */
function carriersOf(publicKey: string, handovers: readonly Handover[]): string[] {
  return handovers.filter(({ to }) => to === publicKey).map(({ from }) => from)
}

function handoverOf({ id, public_key, allowed_ips }: Peer, from: string, bootMs: number): Handover {
  return { peer_id: id, from, to: public_key, allowed_ips: [...allowed_ips], started_ms: bootMs }
}

/** What the peer will be given is what it should have at that time. */
function withAllowedIps(handover: Handover, given: readonly Peer[]): Handover {
  const peer = given.find(({ public_key }) => public_key === handover.to)
  if (!peer) return handover
  // Its PSK is written with the rest.
  const { shut: _, ...open } = handover
  return { ...open, allowed_ips: [...peer.allowed_ips] }
}

function writesOf(
  peer: Peer,
  handovers: readonly Handover[],
  { actual, record, keepaliveSeconds, nowMs }: Situation,
): PeerChange[] {
  const { public_key, psk, endpoint, allowed_ips } = peer
  const now = actual.get(public_key)
  const waiting = handovers.some((one) => isWaiting(one) && one.to === public_key) ? now : undefined
  // A symmetric NAT gives us another port than the one that the STUN server saw: what WireGuard found is right.
  const isFound = peer.nat_type === 'symmetric' && now && hasSession(now, nowMs / 1_000)
  const wanted = {
    public_key,
    psk,
    endpoint: isFound ? '' : endpoint,
    allowed_ips: waiting?.allowed_ips ?? allowed_ips,
    keepalive_seconds: waiting?.keepalive_seconds ?? keepaliveSeconds,
  }
  const known = record.peers[public_key]
  const written = new Map(known ? [[public_key, known.endpoint]] : [])
  return diffPeers([wanted], now ? [now] : [], written, nowMs / 1_000)
}

function removalOf(publicKey: string): PeerChange {
  return { public_key: publicKey, type: 'remove' }
}

function recordOf(
  peers: DeviceRecord['peers'],
  ended: readonly string[],
  given: readonly Peer[],
): DeviceRecord['peers'] {
  const gone = new Set(ended)
  return Object.fromEntries([
    ...Object.entries(peers).filter(([key]) => !gone.has(key)),
    ...given.map(({ id, public_key, endpoint }) => [public_key, { id, endpoint }] as const),
  ])
}
