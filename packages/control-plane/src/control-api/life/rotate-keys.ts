import { ApiError, controlApi } from '@plexd/protocol'
import type { Environment, Intake, Seals, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { changeNode } from '../../changes/nodes.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { peersFor } from '../../mesh/peer-view.ts'
import { pendingSecrets, renewSecrets } from '../../rotation/node-secrets.ts'
import { checkPublicKey } from './check-public-key.ts'

/**
 * Replaces the caller's WireGuard key, and with it the PSKs of all its pairs, its NSK and its token. Repeating the
 * call with the current key changes nothing and gets the same answer, but without secrets that were already used.
 */
export const rotateKeys = handle(
  controlApi.rotateKeys,
  async ({ principal, body }, app: State & Seals & Intake & Environment) => {
    if (body.node_id !== principal.id)
      throw new ApiError('forbidden', 'the token belongs to another node')
    checkPublicKey('new_public_key', body.new_public_key)
    if (body.new_public_key !== principal.public_key) {
      app.budgets.rotations.demand(principal.id)
      app.budgets.rotations.charge(principal.id, { records: 1 })
    }
    const rotated = await app.change((unit) =>
      replaceKey(unit, app, principal.id, body.new_public_key),
    )
    if (rotated) app.log.info('node key rotated', { node_id: principal.id })
    const node = app.fleet.node(principal.id)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    return { updated_peers: peersFor(app, node), ...(await pendingSecrets(app, node.id)) }
  },
)

/** False if the node has this key already. */
async function replaceKey(
  unit: Unit,
  app: Seals,
  nodeId: string,
  publicKey: string,
): Promise<boolean> {
  const node = unit.fleet.node(nodeId)
  if (!node) throw new ApiError('unauthorized', 'unauthorized')
  const owner = unit.fleet.nodeByPublicKey(node.tenant_id, publicKey)
  if (owner && owner.id !== nodeId)
    throw new ApiError('conflict', 'the public key is that of another node in this tenant')
  const after: NodeRecord = {
    ...node,
    public_key: publicKey,
    ...(owner ? {} : { key_epoch: node.key_epoch + 1, key_changed_at: unit.nowMs }),
    rotate_keys: false,
  }
  if (owner && !node.rotate_keys) return false
  await changeNode(unit, after)
  if (!owner) await renewSecrets(unit, app, after)
  return !owner
}
