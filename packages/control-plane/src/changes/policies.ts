import type { Unit } from '../change.ts'
import type { PolicyRecord } from '../mesh/fleet.ts'
import { impactOfPolicy } from '../mesh/impact.ts'
import { isShown } from '../mesh/peer-view.ts'
import { deletePolicy, putPolicy } from '../rows/fleet/policies.ts'
import { emitAdded, emitPolicies, emitRemoved, emitResync } from './events.ts'

/** Replaces the policy `before`, or removes it, and notifies the nodes involved. */
export async function changePolicy(
  unit: Unit,
  { before, after }: { before?: PolicyRecord | undefined; after?: PolicyRecord | undefined },
): Promise<void> {
  const policy = after ?? before
  if (!policy) return
  const mesh = unit.fleet.mesh(policy.tenant_id)
  const { involved, flips } = impactOfPolicy(mesh, { before, after })
  if (after) await putPolicy(unit, after)
  else await deletePolicy(unit, policy.id)
  if (!flips) return emitResync(unit, involved, 'the policies of this node have changed')
  // One event per peer that is added or removed, addressed to all nodes for which that is the case.
  const changes = Map.groupBy(
    flips.flatMap(({ a, b, visible }) => [
      { peer: a, to: b, visible },
      { peer: b, to: a, visible },
    ]),
    ({ peer, visible }) => `${peer.id} ${visible}`,
  )
  for (const group of changes.values()) {
    const [first] = group
    const peer = first && unit.fleet.node(first.peer.id)
    if (!peer || !isShown(peer)) continue
    const recipients = group.map(({ to }) => to)
    if (first.visible) emitAdded(unit, peer, recipients)
    else emitRemoved(unit, peer, recipients)
  }
  emitPolicies(unit, involved)
}
