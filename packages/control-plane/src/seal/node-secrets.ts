import { createCipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { type NskFormat, newNodeToken, newNsk } from '@plexd/protocol'
import type { MasterKey } from './master-key.ts'
import { placeOf } from './places.ts'
import { nonceBytes, open, seal } from './seal.ts'

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

/** Encrypts a secret for the wire: AES-256-GCM under the node secret key, tag at the end, fresh nonce, no AAD (control API, "Secrets"). */
export function sealForNode(nsk: KeyObject, value: string): { ciphertext: string; nonce: string } {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', nsk, nonce)
  const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { ciphertext: body.toString('base64'), nonce: nonce.toString('base64') }
}
