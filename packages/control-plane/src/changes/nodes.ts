import { isDeepStrictEqual } from 'node:util'
import type { Unit } from '../change.ts'
import { readSecretRefsFor } from '../entries/node-entries.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { impactOfNode } from '../mesh/impact.ts'
import { isShown, publicPeer } from '../mesh/peer-view.ts'
import { compileFor } from '../mesh/policies/compile.ts'
import { peersOf } from '../mesh/visibility.ts'
import { insertNode, type NewNode, putNode, type RowOnly, removeNode } from '../rows/fleet/nodes.ts'
import { emitAdded, emitPolicies, emitRemoved, emitResync } from './events.ts'

/**
 * Adds a node and notifies everyone concerned: its peers, and the nodes whose rules name it. The node itself gets no
 * event, because it pulls its first state anyway.
 */
export async function addNode(unit: Unit, parts: NewNode): Promise<NodeRecord> {
  const node = await insertNode(unit, parts)
  const mesh = unit.fleet.mesh(node.tenant_id)
  const { appeared, recompiled } = impactOfNode(mesh, { after: node })
  emitAdded(unit, node, appeared)
  emitPolicies(unit, recompiled)
  return node
}

/** Removes a node and notifies those who knew it. */
export async function dropNode(unit: Unit, node: NodeRecord): Promise<void> {
  const mesh = unit.fleet.mesh(node.tenant_id)
  const { vanished, recompiled } = impactOfNode(mesh, { before: node })
  await removeNode(unit, node)
  if (isShown(node)) emitRemoved(unit, node, vanished)
  emitPolicies(unit, recompiled)
}

/**
 * Replaces a node's record and notifies everyone affected, itself included: a new key, another
 * endpoint, offline or online, other labels. `after.id` must be in the fleet.
 */
export async function changeNode(
  unit: Unit,
  after: NodeRecord,
  rowOnly?: Partial<RowOnly>,
): Promise<void> {
  const before = unit.fleet.node(after.id)
  if (!before) throw new Error(`change node "${after.id}": it is not in the fleet`)
  if (
    before.labels !== after.labels ||
    before.reported !== after.reported ||
    before.hostname !== after.hostname
  )
    await relabel(unit, before, after)
  await putNode(unit, after, rowOnly)
  if (isChangeForPeers(before, after))
    emitPeerChange(unit, before, after, peersOf(unit.fleet.mesh(after.tenant_id), after))
  // Its policies are sent under ids of another form.
  if (before.is_go !== after.is_go) emitPolicies(unit, [after])
  // The PSKs with all its peers have changed.
  if (before.key_epoch !== after.key_epoch)
    emitResync(unit, [after], 'the keys of this node have changed')
}

/** Notifies a node's peers of changes that were delayed until now. */
export function notifyMove(unit: Unit, node: NodeRecord): void {
  if (!isShown(node)) return
  const peers = peersOf(unit.fleet.mesh(node.tenant_id), node)
  emitPeerChange(unit, node, node, peers)
}

/** Whether peers see any difference, apart from labels. */
function isChangeForPeers(before: NodeRecord, after: NodeRecord): boolean {
  if (!isShown(before) && !isShown(after)) return false
  return (
    isShown(before) !== isShown(after) ||
    JSON.stringify(publicPeer(before)) !== JSON.stringify(publicPeer(after))
  )
}

/** The event that tells the peers. */
function emitPeerChange(
  unit: Unit,
  before: NodeRecord,
  after: NodeRecord,
  to: readonly NodeRecord[],
): void {
  const payload = { ...publicPeer(after), peer_id: after.id }
  if (!isShown(before)) emitAdded(unit, after, to)
  else if (!isShown(after)) emitRemoved(unit, after, to)
  else if (before.public_key === after.public_key)
    unit.emit({ type: 'peer_endpoint_changed', to, payload })
  else {
    const keys = { key_epoch: after.key_epoch, previous_public_key: before.public_key }
    unit.emit({ type: 'peer_key_rotated', to, payload: { ...payload, ...keys } })
  }
}

/** New labels or a new name: this changes peers and rules, and labels also the node's own data and secrets. */
async function relabel(unit: Unit, before: NodeRecord, after: NodeRecord): Promise<void> {
  const mesh = unit.fleet.mesh(after.tenant_id)
  const { appeared, vanished, recompiled } = impactOfNode(mesh, { before, after })
  const self = [after]
  if (isShown(before)) {
    emitAdded(unit, before, appeared)
    emitRemoved(unit, before, vanished)
  }
  if (appeared.length + vanished.length > maxPeersTold) {
    emitResync(unit, self, 'the peers of this node have changed')
  } else {
    for (const peer of appeared.filter(isShown)) emitAdded(unit, peer, self)
    for (const peer of vanished.filter(isShown)) emitRemoved(unit, peer, self)
  }
  const isRecompiled = !isDeepStrictEqual(compileFor(before, mesh), compileFor(after, mesh))
  emitPolicies(unit, isRecompiled ? [...recompiled, after] : recompiled)
  // In no event payload: a text that is the same for many nodes would then differ by node.
  if (before.hostname !== after.hostname) emitResync(unit, self, 'this node has another hostname')
  if (before.labels === after.labels && before.reported === after.reported) return
  unit.emit({ type: 'node_state_updated', to: self, payload: {} })
  const [old, now] = [
    await readSecretRefsFor(unit.tx, before),
    await readSecretRefsFor(unit.tx, after),
  ]
  if (!isDeepStrictEqual(old, now))
    unit.emit({ type: 'node_secrets_updated', to: self, payload: {} })
}

/** With more new and lost peers than this, one pull is cheaper for the node. */
const maxPeersTold = 32
