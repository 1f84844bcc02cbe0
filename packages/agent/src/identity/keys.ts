import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'

/** A new WireGuard private key (X25519, clamped as `wg genkey` does), in base64. */
export function generatePrivateKey(): string {
  const key = randomBytes(32)
  key.writeUInt8(key.readUInt8(0) & 248, 0)
  key.writeUInt8((key.readUInt8(31) & 127) | 64, 31)
  return key.toString('base64')
}

/** The public key of a private key, both in base64; what `wg pubkey` prints. */
export function publicKeyOf(privateKey: string): string {
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, Buffer.from(privateKey, 'base64')]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return spki.subarray(-32).toString('base64')
}

/** The bytes before the 32 key bytes in the PKCS #8 form of an X25519 key (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
