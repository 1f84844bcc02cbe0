import { createHash } from 'node:crypto'

/** Bytes of an encoded key that still leave room for a suffix in a file name of 255. */
const maxEncodedLength = 200

/**
 * The file name for an entry key: readable where that is possible, never a path. Long keys, and those with a lone
 * surrogate, become a hash behind `=`, a character which the encoding itself never yields.
 */
export function keyFileName(key: string): string {
  const encoded = key.isWellFormed() ? encodeURIComponent(key) : ''
  if (encoded !== '' && encoded.length <= maxEncodedLength) return `${encoded}.json`
  // As JSON, where a lone surrogate is an escape: hashing the text itself would make two of them alike.
  return `=${createHash('sha256').update(JSON.stringify(key)).digest('hex')}.json`
}
