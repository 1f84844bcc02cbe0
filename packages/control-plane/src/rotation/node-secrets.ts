import type { Log } from '@plexd/runtime'
import { tokenHash } from '../access/auth.ts'
import type { Change, Unit } from '../change.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { readNodeSeals } from '../rows/fleet/node-lookups.ts'
import { putNode } from '../rows/fleet/nodes.ts'
import type { MasterKey } from '../seal/master-key.ts'
import {
  type NodeSecrets,
  newNodeSecrets,
  openNextSecrets,
  sealNextSecrets,
  sealNsk,
} from '../seal/node-secrets.ts'

import type { Store } from '../store/db.ts'

/**
 * Gives a node a new NSK and token. The old ones stay valid until it uses a new one. Until then
 * the answer may have been lost, so a repeated call gets the same ones.
 */
export async function renewSecrets(
  unit: Unit,
  { masterKey }: { masterKey: MasterKey },
  node: NodeRecord,
): Promise<void> {
  if (node.next_token_hash !== null) return
  const seals = await readNodeSeals(unit.tx, node.id)
  if (!seals) throw new Error(`renew secrets of node "${node.id}": it has no row`)
  const secrets = newNodeSecrets(seals.nsk_format)
  const next = {
    next_token_hash: tokenHash(secrets.node_token),
    next_nsk_hash: tokenHash(secrets.node_secret_key),
  }
  const next_secrets_sealed = sealNextSecrets(masterKey, node.id, secrets)
  await putNode(unit, { ...node, ...next }, { next_secrets_sealed })
}

/** The new secrets that the node has not used yet; undefined if there are none. */
export async function pendingSecrets(
  { store, masterKey }: { store: Pick<Store, 'reader'>; masterKey: MasterKey },
  nodeId: string,
): Promise<NodeSecrets | undefined> {
  const sealed = (await readNodeSeals(store.reader, nodeId))?.next_secrets_sealed
  return sealed ? openNextSecrets(masterKey, nodeId, sealed) : undefined
}

/**
 * Call this when the node has used a token. If it is a new one, the node has stored the new secrets, and the old ones
 * become invalid; a stream opened with them ends. Durable when it resolves.
 */
export async function noteToken(
  { change, masterKey, log }: { change: Change; masterKey: MasterKey; log: Log },
  node: NodeRecord,
  token: string,
): Promise<void> {
  if (node.next_token_hash === null) return
  const hash = tokenHash(token)
  if (hash !== node.next_token_hash && hash !== node.next_nsk_hash) return
  const isPromoted = await change((unit) => promote(unit, masterKey, node.id))
  if (isPromoted) log.info('node uses its new secrets', { node_id: node.id })
}

async function promote(unit: Unit, masterKey: MasterKey, nodeId: string): Promise<boolean> {
  const node = unit.fleet.node(nodeId)
  const sealed = (await readNodeSeals(unit.tx, nodeId))?.next_secrets_sealed
  // A concurrent call was first.
  if (!node || !sealed || node.next_token_hash === null || node.next_nsk_hash === null) return false
  const { node_secret_key } = openNextSecrets(masterKey, nodeId, sealed)
  const now = {
    token_hash: node.next_token_hash,
    nsk_hash: node.next_nsk_hash,
    next_token_hash: null,
    next_nsk_hash: null,
  }
  const nsk_sealed = sealNsk(masterKey, nodeId, node_secret_key)
  await putNode(unit, { ...node, ...now }, { nsk_sealed, next_secrets_sealed: null })
  return true
}
