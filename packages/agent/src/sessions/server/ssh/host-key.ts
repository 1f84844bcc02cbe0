import { createPrivateKey, createPublicKey } from 'node:crypto'
import { encodePublicKey, encodeString } from '../../ssh-encoding.ts'

/**
 * An Ed25519 key in the format of OpenSSH, which ssh2 reads (PROTOCOL.key of OpenSSH), from PKCS #8 in PEM. Throws for
 * another key.
 */
export function openSshPrivateKey(pem: string): string {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('read the host key: want Ed25519')
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const { d = '' } = key.export({ format: 'jwk' })
  const publicBytes = Buffer.from(x, 'base64url')
  const publicKey = encodePublicKey(key)
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), publicBytes])
  const check = Buffer.alloc(8) // twice the same number, which tells whether it was decrypted well
  const comment = encodeString(Buffer.alloc(0))
  const open = Buffer.concat([check, publicKey, encodeString(secret), comment])
  const padding = Buffer.from(
    Array.from({ length: (8 - (open.length % 8)) % 8 }, (_, at) => at + 1),
  )
  const none = encodeString('none')
  const count = Buffer.from([0, 0, 0, 1])
  const bytes = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), none, none, encodeString(Buffer.alloc(0)), count],
    ...[encodeString(publicKey), encodeString(Buffer.concat([open, padding]))],
  ])
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? []
  return [
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    ...lines,
    '-----END OPENSSH PRIVATE KEY-----',
    '',
  ].join('\n')
}
