import { isDeepStrictEqual } from 'node:util'
import type { Peer } from '@plexd/protocol'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { PeerStep } from '../device/device.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import { type Handover, isWaiting, waitingPeer } from '../handover/handover.ts'
import { additionOf, updatesOf } from './peer-update.ts'

/** The actual peers, and our additional knowledge of them. */
export interface PeerSituation {
  /** As the interface has them. */
  actual: readonly WgPeer[]
  record: DeviceRecord
  /** Waiting key, possibly blocked -> the PSK that will unblock it. */
  opening: ReadonlyMap<string, string>
  /** Public keys -> the endpoint that is not written yet, because the peer is to start the handshake. */
  withheld: ReadonlyMap<string, string>
  /** The keepalive of added peers; that of the others is planned with the interface. 0 for none. */
  keepaliveSeconds: number
  nowMs: number
  /** Since boot. */
  bootMs: number
}

export interface PeerDiff {
  /** The corrections that the writes make, in the control plane's terms. */
  steps: readonly PeerStep[]
  /** Removals first, so that an allowed IP is free before it is reassigned, then updates, then additions. */
  writes: readonly PeerChange[]
  /** The record after the writes; the same object if nothing in it changes. */
  record: DeviceRecord
}

/** A correction, and its write. */
interface Change {
  step: Exclude<PeerStep, { type: 'peer_removed' }>
  writes: readonly PeerChange[]
}

/**
 * The difference between the actual peers and the desired ones. A peer is identified by its public key: one that changed its key
 * is removed and added, and its traffic is handed over from the old key to the new. Pure.
 */
export function diffPeers(peers: readonly Peer[], situation: PeerSituation): PeerDiff {
  const { actual, record, bootMs } = situation
  const wanted = new Map(peers.map((peer) => [peer.public_key, peer]))
  const handovers = record.handovers.filter(({ from, to }) => wanted.has(to) && !wanted.has(from))
  const kept = new Set([...wanted.keys(), ...handovers.map(({ from }) => from)])
  const gone = actual.filter(({ public_key }) => !kept.has(public_key))
  const rotations = rotationsOf(wanted, gone, situation)
  const carriers = new Set([...rotations.values()].map(({ public_key }) => public_key))
  const removals = gone.filter(({ public_key }) => !carriers.has(public_key))
  const changes = changesOf(wanted, handovers, rotations, situation)
  return {
    steps: [...stepsOfRemoval(gone, record), ...changes.map(({ step }) => step)],
    writes: [
      ...removals.map(({ public_key }): PeerChange => ({ public_key, type: 'remove' })),
      ...changes.flatMap(({ writes }) => writes),
    ],
    record: recordAfter(record, wanted, removals, [
      ...handovers.map((one) => withWanted(one, wanted.get(one.to), changes)),
      ...[...rotations].map(([peer, from]) => handoverOf(peer, from.public_key, bootMs)),
    ]),
  }
}

/** Peers with a new key -> their old key, if the interface has that and not the new one. */
function rotationsOf(
  wanted: ReadonlyMap<string, Peer>,
  gone: readonly WgPeer[],
  { actual, record }: PeerSituation,
): Map<Peer, WgPeer> {
  if (gone.length === 0) return new Map()
  const idle = new Set(record.handovers.map((one) => (isWaiting(one) ? one.to : one.from)))
  const carriers = new Map(
    gone
      .filter(({ public_key }) => !idle.has(public_key))
      .map((peer) => [record.peers[peer.public_key]?.id, peer]),
  )
  const present = new Set(actual.map(({ public_key }) => public_key))
  return new Map(
    [...wanted.values()].flatMap((peer): [Peer, WgPeer][] => {
      const from = present.has(peer.public_key) ? undefined : carriers.get(peer.id)
      return from ? [[peer, from]] : []
    }),
  )
}

/** Updates, then additions. */
function changesOf(
  wanted: ReadonlyMap<string, Peer>,
  handovers: readonly Handover[],
  rotations: ReadonlyMap<Peer, WgPeer>,
  situation: PeerSituation,
): Change[] {
  const present = new Map(situation.actual.map((peer) => [peer.public_key, peer]))
  const waiting = new Set(handovers.filter(isWaiting).map(({ to }) => to))
  const updated: Change[] = []
  const added: Change[] = []
  for (const peer of wanted.values()) {
    const now = present.get(peer.public_key)
    if (now) {
      const writes = updatesOf(peer, now, waiting.has(now.public_key), situation)
      if (writes.length > 0) updated.push({ step: { type: 'peer_updated', peer }, writes })
    } else {
      const from = rotations.get(peer)
      const write = from
        ? waitingPeer(peer, from.endpoint)
        : additionOf(peer, situation.keepaliveSeconds)
      added.push({ step: { type: 'peer_added', peer }, writes: [write] })
    }
  }
  return [...updated, ...added]
}

/** The removal of an old key was reported when its handover began. */
function stepsOfRemoval(gone: readonly WgPeer[], { peers, handovers }: DeviceRecord): PeerStep[] {
  const told = new Set(handovers.map(({ from }) => from))
  return gone
    .filter(({ public_key }) => !told.has(public_key))
    .map(({ public_key }) => {
      return { type: 'peer_removed', peer_id: peers[public_key]?.id ?? '', public_key }
    })
}

function handoverOf({ id, public_key, allowed_ips }: Peer, from: string, bootMs: number): Handover {
  return { peer_id: id, from, to: public_key, allowed_ips: [...allowed_ips], started_ms: bootMs }
}

/** Compares with the desired value at the time of the handover. A key whose PSK is written is not blocked. */
function withWanted(
  { shut, ...handover }: Handover,
  peer: Peer | undefined,
  changes: readonly Change[],
): Handover {
  const isOpened = changes.some(
    ({ step, writes }) => step.peer === peer && writes.some(({ psk }) => psk !== undefined),
  )
  return {
    ...handover,
    ...(shut === undefined || isOpened ? {} : { shut }),
    allowed_ips: [...(peer?.allowed_ips ?? handover.allowed_ips)],
  }
}

function recordAfter(
  record: DeviceRecord,
  wanted: ReadonlyMap<string, Peer>,
  removals: readonly WgPeer[],
  handovers: readonly Handover[],
): DeviceRecord {
  const { peers } = record
  const isKnown = ({ id, public_key, endpoint }: Peer): boolean =>
    peers[public_key]?.id === id && peers[public_key].endpoint === endpoint
  const isSame =
    removals.length === 0 &&
    isDeepStrictEqual(handovers, record.handovers) &&
    [...wanted.values()].every(isKnown)
  if (isSame) return record
  const leaving = new Set(handovers.map(({ from }) => from))
  return {
    ...record,
    handovers,
    peers: Object.fromEntries([
      ...Object.entries(peers).filter(([key]) => wanted.has(key) || leaving.has(key)),
      ...[...wanted.values()].map(
        ({ id, public_key, endpoint }) => [public_key, { id, endpoint }] as const,
      ),
    ]),
  }
}
