import { type NskFormat, newNodeToken, newNsk } from '@plexd/protocol'
import type { MasterKey } from './master-key.ts'
import { placeOf } from './places.ts'
import { open, seal } from './seal.ts'

/** A node's credentials, and the key that encrypts its secrets on the wire. */
export interface NodeSecrets {
  node_secret_key: string
  node_token: string
}

export function newNodeSecrets(format: NskFormat): NodeSecrets {
  return { node_secret_key: newNsk(format), node_token: newNodeToken() }
}

export function sealNsk(masterKey: MasterKey, nodeId: string, nsk: string): string {
  return seal(masterKey, nsk, placeOf.nsk(nodeId))
}

export function openNsk(masterKey: MasterKey, nodeId: string, sealed: string): string {
  return open(masterKey, sealed, placeOf.nsk(nodeId))
}

/** The next ones, which the node has not used yet. */
export function sealNextSecrets(
  masterKey: MasterKey,
  nodeId: string,
  secrets: NodeSecrets,
): string {
  return seal(masterKey, JSON.stringify(secrets), placeOf.nextSecrets(nodeId))
}

export function openNextSecrets(masterKey: MasterKey, nodeId: string, sealed: string): NodeSecrets {
  return JSON.parse(open(masterKey, sealed, placeOf.nextSecrets(nodeId))) as NodeSecrets // sealed by sealNextSecrets
}
