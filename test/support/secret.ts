import { createDecipheriv } from 'node:crypto'
import { nskBytes, type SealedSecret } from '@plexd/protocol'

/** Opens what a node was sent, with its secret key (wire contract 5). */
export function openSecret(
  { node_secret_key }: { node_secret_key: string },
  { ciphertext, nonce }: SealedSecret,
): string {
  const bytes = Buffer.from(ciphertext, 'base64')
  const decipher = createDecipheriv(
    'aes-256-gcm',
    nskBytes(node_secret_key),
    Buffer.from(nonce, 'base64'),
  )
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8')
}
