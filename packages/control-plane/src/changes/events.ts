import { formatDuration } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { publicPeer } from '../mesh/peer-view.ts'
import { audienceOf } from '../rows/log/audience.ts'

/** Makes all nodes of a tenant pull their state soon, with a single event. */
export function resyncTenant(unit: Unit, tenantId: string, reason: string): void {
  const to = audienceOf(Array.from(unit.fleet.nodes(tenantId), ({ no }) => no))
  const within = formatDuration(spreadMs(to.length))
  unit.emit({ type: 'resync', to, payload: { reason, within } })
}

/** Full states are our most expensive answers: this many per second, and all within well under a minute. */
const pullsPerSecond = 50
const maxSpreadMs = 30_000

function spreadMs(nodes: number): number {
  return Math.min(maxSpreadMs, Math.ceil(nodes / pullsPerSecond) * 1_000)
}

type Recipient = Pick<NodeRecord, 'no'>

export function emitAdded(unit: Unit, peer: NodeRecord, to: readonly Recipient[]): void {
  unit.emit({
    type: 'peer_added',
    to: audienceOf(to.map(({ no }) => no)),
    payload: { ...publicPeer(peer), peer_id: peer.id, key_epoch: peer.key_epoch },
  })
}

export function emitRemoved(unit: Unit, peer: NodeRecord, to: readonly Recipient[]): void {
  unit.emit({
    type: 'peer_removed',
    to: audienceOf(to.map(({ no }) => no)),
    payload: { peer_id: peer.id, id: peer.id },
  })
}

export function emitPolicies(unit: Unit, to: readonly Recipient[]): void {
  unit.emit({
    type: 'policy_updated',
    to: audienceOf(to.map(({ no }) => no)),
    payload: {},
  })
}

export function emitResync(unit: Unit, to: readonly Recipient[], reason: string): void {
  unit.emit({ type: 'resync', to: audienceOf(to.map(({ no }) => no)), payload: { reason } })
}
