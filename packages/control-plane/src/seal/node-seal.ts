import { createCipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { nonceBytes } from './seal.ts'

/** Encrypts a secret for the wire: AES-256-GCM under the node secret key, tag at the end, fresh nonce, no AAD (control API, "Secrets"). */
export function sealForNode(nsk: KeyObject, value: string): { ciphertext: string; nonce: string } {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', nsk, nonce)
  const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { ciphertext: body.toString('base64'), nonce: nonce.toString('base64') }
}
