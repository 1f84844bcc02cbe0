import { redact } from '../text/redact.ts'
import { createSecretCover } from '../text/secret-forms.ts'

/** The only way into a bundle: text without what is, or looks like, a secret. */
export type Gate = (text: string) => string

export interface GateOptions {
  /** All secrets that the program could find. */
  secrets: Iterable<string>
  /** Some of them could not be read: then whatever looks like a key counts as one, public keys too. */
  isBlind: boolean
}

export function createGate({ secrets, isBlind }: GateOptions): Gate {
  const cover = createSecretCover(secrets)
  return (text) => {
    const shaped = dropQueries(redact(cover(text)))
    return isBlind ? shaped.replace(anyKey, mark) : shaped
  }
}

const mark = '[redacted]'
/** 32 bytes in base64 or hex. */
const anyKey = /(?<![\w+/])(?:[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64}(?![0-9a-fA-F]))/g

/** What stands behind the path of a URL may be anything. Each word is looked at once, however long it is. */
function dropQueries(text: string): string {
  return text
    .replace(/\?[\w.~%-]{1,64}=[^\s"'#\\]*/g, `?${mark}`)
    .replace(/[^\s"'#\\]+/g, dropQuery)
}

function dropQuery(word: string): string {
  const url = word.indexOf('://')
  const query = url < 0 ? -1 : word.indexOf('?', url)
  if (query < 0 || query === word.length - 1) return word
  return `${word.slice(0, query + 1)}${mark}`
}

/** How often something was left out of a text that went through the gate. */
export function countMarks(text: string): number {
  return text.split(mark).length - 1
}
