import type { webcrypto } from 'node:crypto'
import { newId } from '@plexd/protocol'
import type { MasterKey } from './master-key.ts'
import { placeOf } from './places.ts'
import { open, seal } from './seal.ts'

/** A key that signs events (Ed25519), with its private part sealed. */
export interface SealedSigningKey {
  id: string
  /** 32 bytes in base64. */
  public_key: string
  private_key_sealed: string
}

export async function newSigningKey(masterKey: MasterKey): Promise<SealedSigningKey> {
  // generateKey's type covers all algorithms; for this one it returns a pair.
  const pair = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const publicBytes = await crypto.subtle.exportKey('raw', pair.publicKey)
  const privateBytes = await crypto.subtle.exportKey('pkcs8', pair.privateKey)
  const id = newId('signing_key')
  const privateText = new Uint8Array(privateBytes).toBase64()
  return {
    id,
    public_key: new Uint8Array(publicBytes).toBase64(),
    private_key_sealed: seal(masterKey, privateText, placeOf.signingKey(id)),
  }
}

/** Its private part. Throws if the master key does not open it. */
export function openSigningKey(
  masterKey: MasterKey,
  { id, private_key_sealed }: SealedSigningKey,
): Promise<CryptoKey> {
  const bytes = Uint8Array.fromBase64(open(masterKey, private_key_sealed, placeOf.signingKey(id)))
  return crypto.subtle.importKey('pkcs8', bytes, 'Ed25519', false, ['sign'])
}
