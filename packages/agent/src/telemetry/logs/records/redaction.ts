import { redact } from '@plexd/runtime'
import { compilePattern } from './pattern.ts'

/** `unit` is whose text it is: texts of one unit come in the order in which it wrote them. */
export type Redaction = (text: string, unit: string) => string

export const redactedMark = '[redacted]'

/** Takes out what looks like a credential, what matches a pattern (`logs.redact`), and the secrets of plexd, which are asked for each time. */
export async function createRedaction(
  patterns: readonly string[],
  secrets: () => readonly string[],
): Promise<Redaction> {
  const compiled = await Promise.all(patterns.map((text) => compilePattern('logs.redact', text)))
  const redactKeys = createKeyLines()
  return (text, unit) =>
    compiled.reduce(
      (left, pattern) => pattern.replace(left, redactedMark),
      redact(redactKeys(text, unit), secrets()),
    )
}

/** No private key has more; whoever never ends one gets the rest of the log back. */
const maxKeyLines = 200
/** Units in the middle of a key, past which the first ones are forgotten. */
const maxUnits = 1_000

/** Takes out private keys of which each line is a text of its own, as a program prints them. */
export function createKeyLines(): Redaction {
  /** How many more lines may be of a key, by unit. */
  const within = new Map<string, number>()

  return (text, unit) => {
    const left = within.get(unit) ?? 0
    const begins = text.lastIndexOf('-----BEGIN ')
    const isKey = begins >= 0 && /^-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/.test(text.slice(begins))
    if (isKey && !text.includes('-----END ', begins)) {
      within.delete(unit)
      within.set(unit, maxKeyLines)
      for (const [oldest] of within) if (within.size > maxUnits) within.delete(oldest)
    } else if (left > 1 && !text.includes('-----END ')) within.set(unit, left - 1)
    else if (left > 0) within.delete(unit)
    return left > 0 ? text.replace(keyText, redactedMark) : text
  }
}

/** A whole line of base64, or one behind a time and a name. */
const keyText = /^\s*[A-Za-z0-9+/=]+\s*$|[A-Za-z0-9+/=]{32,}/gm
