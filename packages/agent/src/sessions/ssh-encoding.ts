import { createPublicKey, type KeyObject } from 'node:crypto'

export const ed25519Type = 'ssh-ed25519'

/** The public half of an Ed25519 key as SSH encodes it (RFC 8709 section 4). */
export function encodePublicKey(key: KeyObject): Buffer {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.concat([encodeString(ed25519Type), encodeString(Buffer.from(x, 'base64url'))])
}

/** RFC 4251 section 5: its length in 4 bytes, then itself. */
export function encodeString(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
