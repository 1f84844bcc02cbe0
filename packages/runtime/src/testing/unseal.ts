import { createDecipheriv } from 'node:crypto'
import { nskBytes, type SealedSecret } from '@plexd/protocol'

/** What a node makes of a sealed secret. Throws when it is sealed for another key. */
export function unseal(
  nsk: string,
  { ciphertext, nonce }: Pick<SealedSecret, 'ciphertext' | 'nonce'>,
): string {
  const sealed = Buffer.from(ciphertext, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', nskBytes(nsk), Buffer.from(nonce, 'base64'))
  decipher.setAuthTag(sealed.subarray(-16))
  return decipher.update(sealed.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
}
