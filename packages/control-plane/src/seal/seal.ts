import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { MasterKey } from './master-key.ts'

const algorithm = 'aes-256-gcm'
const version = 'v1'
const tagBytes = 16
/** Of AES-GCM (NIST SP 800-38D, section 8.2.2). */
export const nonceBytes = 12

/**
 * Encrypts a text with the master key and a `context`: the name of the place where it is stored
 * (`secret:ten_x:key`), so that a sealed text moved to another row cannot be opened.
 */
export function seal({ current }: MasterKey, plaintext: string, context: string): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, current, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(context))
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
  return [
    version,
    nonce.toString('base64url'),
    Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url'),
  ].join('.')
}

/** The inverse of `seal`. Errors name the context, never the content. */
export function open({ current, previous }: MasterKey, sealed: string, context: string): string {
  const parts = split(sealed, context)
  return openUnder(current, parts) ?? openUnderPrevious(previous, parts)
}

/** The text re-encrypted with the current key; undefined if it already is. */
export function sealAgain(
  masterKey: MasterKey,
  sealed: string,
  context: string,
): string | undefined {
  const parts = split(sealed, context)
  if (openUnder(masterKey.current, parts) !== undefined) return undefined
  return seal(masterKey, openUnderPrevious(masterKey.previous, parts), context)
}

interface Parts {
  nonce: Buffer
  body: Buffer
  context: string
}

function split(sealed: string, context: string): Parts {
  const [found, nonceText = '', bodyText = '', ...rest] = sealed.split('.')
  const nonce = Buffer.from(nonceText, 'base64url')
  const body = Buffer.from(bodyText, 'base64url')
  if (found !== version || rest.length > 0 || nonce.length !== nonceBytes || body.length < tagBytes)
    throw new Error(`open "${context}": it is not a sealed text of version ${version}`)
  return { nonce, body, context }
}

function openUnder(key: KeyObject, { nonce, body, context }: Parts): string | undefined {
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(body.subarray(-tagBytes))
  try {
    return Buffer.concat([
      decipher.update(body.subarray(0, -tagBytes)),
      decipher.final(),
    ]).toString()
  } catch {
    return undefined
  }
}

/** For texts that the current key does not open. */
function openUnderPrevious(previous: KeyObject | undefined, parts: Parts): string {
  const text = previous && openUnder(previous, parts)
  if (text !== undefined) return text
  throw new Error(
    `open "${parts.context}": it was changed, or sealed for another place or under another master key`,
  )
}
