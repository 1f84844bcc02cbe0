import { formatDuration } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Recipient } from '../log/new-event.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { publicPeer } from '../mesh/peer-view.ts'

/** Makes all nodes of a tenant pull their state soon, with a single event. */
export function resyncTenant(unit: Unit, tenantId: string, reason: string): void {
  const within = formatDuration(spreadMs(unit.fleet.nodeCount(tenantId)))
  unit.emit({ type: 'resync', to: unit.fleet.nodes(tenantId), payload: { reason, within } })
}

/** The same for all tenants. */
export function resyncAll(unit: Unit, reason: string): void {
  const within = formatDuration(spreadMs(unit.fleet.nodeCount()))
  unit.emit({ type: 'resync', to: unit.fleet.allNodes(), payload: { reason, within } })
}

/** Full states are our most expensive answers: this many per second, and all within well under a minute. */
const pullsPerSecond = 50
const maxSpreadMs = 30_000

function spreadMs(nodes: number): number {
  return Math.min(maxSpreadMs, Math.ceil(nodes / pullsPerSecond) * 1_000)
}

export function emitAdded(unit: Unit, peer: NodeRecord, to: readonly Recipient[]): void {
  const payload = { ...publicPeer(peer), peer_id: peer.id, key_epoch: peer.key_epoch }
  unit.emit({ type: 'peer_added', to, payload })
}

export function emitRemoved(unit: Unit, peer: NodeRecord, to: readonly Recipient[]): void {
  unit.emit({ type: 'peer_removed', to, payload: { peer_id: peer.id, id: peer.id } })
}

export function emitPolicies(unit: Unit, to: readonly Recipient[]): void {
  unit.emit({ type: 'policy_updated', to, payload: {} })
}

export function emitResync(unit: Unit, to: readonly Recipient[], reason: string): void {
  unit.emit({ type: 'resync', to, payload: { reason } })
}
