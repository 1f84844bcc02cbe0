import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto'
import { createReadStream } from 'node:fs'

/** A new Ed25519 key, in PEM, as `openssl genpkey -algorithm ed25519` makes one. */
export function newKey(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }),
  }
}

/** In PEM. Throws if it is no Ed25519 key. */
export function publicHalf(privatePem: string): string {
  return createPublicKey(readSigningKey(privatePem)).export({ type: 'spki', format: 'pem' })
}

/** 64 bytes, as `openssl pkeyutl -sign -rawin` makes them. */
export function signText(text: string, privatePem: string): Buffer {
  return sign(null, Buffer.from(text), readSigningKey(privatePem))
}

/** In base64. */
export function signStatement(statement: string, privatePem: string): string {
  return signText(statement, privatePem).toString('base64')
}

/** `sha256:` and hex. */
export async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer) // no encoding is set
  return `sha256:${hash.digest('hex')}`
}

function readSigningKey(privatePem: string): ReturnType<typeof createPrivateKey> {
  const key = createPrivateKey(privatePem)
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`sign with a key of type "${key.asymmetricKeyType}": want ed25519`)
  return key
}
