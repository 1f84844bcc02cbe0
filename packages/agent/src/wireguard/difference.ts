import type { Peer } from '@plexd/protocol'
import type { WgPeer } from './backend/wg-interface.ts'
import type { DeviceStep } from './device/device.ts'
import { emptyRecord } from './device/device-record.ts'
import { type HeldPsks, withoutNewPsks } from './handover/held-psks.ts'
import {
  type InterfacePlan,
  planInterface,
  type WantedInterface,
} from './interface/interface-plan.ts'
import type { Sight } from './interface/sight.ts'
import { diffPeers, type PeerDiff, type PeerSituation } from './peers/peer-diff.ts'

/** Between what is wanted and an observation: of the interface itself, and of its peers. */
export interface Difference {
  plan: InterfacePlan
  peers: PeerDiff
}

/** What is known beside the observation; `held` as long as new PSKs wait for the next key of this node. */
export interface Known extends Omit<PeerSituation, 'actual' | 'keepaliveSeconds'> {
  held: HeldPsks | undefined
}

/** Deterministic; PSKs that have to wait are put into `known.held`. */
export function compareDevice(
  wanted: { device: WantedInterface; peers: readonly Peer[] },
  sight: Sight,
  { held, ...known }: Known,
): Difference {
  const plan = planInterface(wanted.device, sight, known.record, known.withheld)
  const isNew = plan.rebuild || sight.state !== 'wireguard'
  const actual = isNew ? [] : sight.wg.peers
  const byKey = new Map(actual.map((peer) => [peer.public_key, peer]))
  const peers = diffPeers(held ? withoutNewPsks(wanted.peers, byKey, held) : wanted.peers, {
    ...known,
    actual,
    record: isNew ? emptyRecord : known.record,
    keepaliveSeconds: wanted.device.keepaliveSeconds,
  })
  return { plan, peers }
}

export function isNothing({ plan, peers }: Difference): boolean {
  return plan.faults.length === 0 && peers.writes.length === 0
}

/** The interface itself first, then its peers. */
export function stepsOf({ plan, peers }: Difference): DeviceStep[] {
  const repairs = plan.faults.map((detail): DeviceStep => ({ type: 'interface_repaired', detail }))
  return [...repairs, ...peers.steps]
}

/** Whether it changes a peer that has no session. Such a peer is re-added, so that must be certain. */
export function isOnSilent({ peers }: Difference, actual: readonly WgPeer[]): boolean {
  const silent = new Set(
    actual.flatMap((peer) => (peer.handshake_at === 0 ? [peer.public_key] : [])),
  )
  return peers.steps.some(
    (step) => step.type === 'peer_updated' && silent.has(step.peer.public_key),
  )
}
