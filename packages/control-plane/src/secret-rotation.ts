import type { App } from './app.ts'
import { tokenHash } from './auth.ts'
import type { Unit } from './change.ts'
import type { NodeRecord } from './mesh/fleet.ts'
import {
  type NodeSecrets,
  newNodeSecrets,
  openNextSecrets,
  sealNextSecrets,
  sealNsk,
} from './seal/node-secrets.ts'
import { readNodeRow } from './store/nodes.ts'

/**
 * Gives a node another NSK and another token. They are accepted beside those that it has, until it uses one of them;
 * before that it may have lost the answer, so the same ones are given again.
 */
export async function renewSecrets(unit: Unit, app: App, node: NodeRecord): Promise<void> {
  if (node.next_token_hash !== null) return
  const row = await readNodeRow(unit.tx, node.id)
  if (!row) throw new Error(`renew secrets of node "${node.id}": it has no row`)
  const secrets = newNodeSecrets(row.nsk_format)
  const next = {
    next_token_hash: tokenHash(secrets.node_token),
    next_nsk_hash: tokenHash(secrets.node_secret_key),
  }
  const next_secrets_sealed = sealNextSecrets(app.masterKey, node.id, secrets)
  await unit.tx
    .updateTable('nodes')
    .set({ ...next, next_secrets_sealed })
    .where('id', '=', node.id)
    .execute()
  unit.apply({ type: 'node_put', node: { ...node, ...next } })
}

/** What a node was given and has yet to use; undefined when there is nothing. */
export async function secretsOnTheirWay(
  app: App,
  nodeId: string,
): Promise<NodeSecrets | undefined> {
  const sealed = (await readNodeRow(app.store.reader, nodeId))?.next_secrets_sealed
  return sealed ? openNextSecrets(app.masterKey, nodeId, sealed) : undefined
}

/**
 * The node has used a token: when it is one of the new ones, it has them on its disk, and the old ones are worthless
 * from here on. A stream that was opened with them ends. Durable when it resolves.
 */
export async function noteToken(app: App, node: NodeRecord, token: string): Promise<void> {
  if (node.next_token_hash === null) return
  const hash = tokenHash(token)
  if (hash !== node.next_token_hash && hash !== node.next_nsk_hash) return
  await app.change((unit) => promote(unit, app, node.id))
}

async function promote(unit: Unit, app: App, nodeId: string): Promise<void> {
  const node = unit.fleet.node(nodeId)
  const sealed = (await readNodeRow(unit.tx, nodeId))?.next_secrets_sealed
  // Another call was first.
  if (!node || !sealed || node.next_token_hash === null || node.next_nsk_hash === null) return
  const { node_secret_key } = openNextSecrets(app.masterKey, nodeId, sealed)
  const now = {
    token_hash: node.next_token_hash,
    nsk_hash: node.next_nsk_hash,
    next_token_hash: null,
    next_nsk_hash: null,
  }
  await unit.tx
    .updateTable('nodes')
    .set({
      ...now,
      nsk_sealed: sealNsk(app.masterKey, nodeId, node_secret_key),
      next_secrets_sealed: null,
    })
    .where('id', '=', nodeId)
    .execute()
  unit.apply({ type: 'node_put', node: { ...node, ...now } })
  unit.afterCommit(() => {
    app.streams.end(node.no)
    app.log.info('node uses its new secrets', { node_id: nodeId })
  })
}
