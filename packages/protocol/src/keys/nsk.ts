/** The node secret key (NSK): the AES-256 key that encrypts a node's secrets on the wire. */

/** `base64` is the specification's form; `raw32` is what Go nodes need: 32 characters used as the key bytes. */
export type NskFormat = 'base64' | 'raw32'

/** The 32 key bytes of either form. They cannot be confused: 32 base64 characters are only 24 bytes. Throws for any other text. */
export function nskBytes(text: string): Uint8Array {
  const bytes = text.length === 32 ? new TextEncoder().encode(text) : Uint8Array.fromBase64(text)
  if (bytes.length !== 32)
    throw new RangeError(`read node secret key: want 32 bytes, got ${bytes.length}`)
  return bytes
}

export function newNsk(format: NskFormat): string {
  const random = crypto.getRandomValues(new Uint8Array(format === 'base64' ? 32 : 24))
  return random.toBase64({ alphabet: format === 'base64' ? 'base64' : 'base64url' })
}
