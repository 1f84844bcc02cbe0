import { resolve } from 'node:path'
import { type BoundedReader, boundedReader } from '@plexd/runtime'

/** Parsers of single values, from YAML (typed) or the environment (text). Each throws an error with what it expects. */

export function text(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  throw new TypeError('want a text')
}

export function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string') {
    if (/^(1|t|true|yes|on)$/i.test(value)) return true
    if (/^(0|f|false|no|off)$/i.test(value)) return false
  }
  throw new TypeError('want true or false')
}

/** As `openssl x509 -fingerprint -sha256` prints it, or `sha256:` and hex, which it becomes. */
export function fingerprint(value: unknown): string {
  const given = text(value)
  const hex = given
    .replace(/^sha256( fingerprint=|:)/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  if (/^[0-9a-f]{64}$/.test(hex)) return `sha256:${hex}`
  throw new RangeError('want sha256: and 64 hexadecimal digits')
}

/** An integer from `min` to `max`. */
export function count(min: number, max: number): BoundedReader {
  return boundedReader({ unit: 'count', min, max })
}

/** A longer interval makes no sense; "never" has its own switch. */
const longestMs = 720 * 3_600_000
/** A request, stream or action that is silent for this long is dead; a socket's timer cannot hold 25 days. */
export const longestSilenceMs = 24 * 3_600_000

/** A Go duration from `minMs` to `maxMs`, in milliseconds. */
export function duration(minMs: number, maxMs = longestMs): BoundedReader {
  return boundedReader({ unit: 'ms', min: minMs, max: maxMs })
}

/** Either of two words. */
export function oneOf<const One extends string, const Other extends string>(
  one: One,
  other: Other,
): (value: unknown) => One | Other {
  return (value) => {
    if (value === one || value === other) return value as One | Other // by the comparison
    throw new RangeError(`want "${one}" or "${other}"`)
  }
}

/** A folder or file; a relative path is that from where plexd is started. */
export function path(value: unknown): string {
  return resolve(text(value))
}

/** Texts: one, or a list. */
export function texts(value: unknown): readonly string[] {
  return [value].flat().map(text)
}

/** The same as one text, as the environment has it. */
export function commaSeparated(value: unknown): string {
  return texts(value).join(',')
}

/** One of these words. */
export function word<const Word extends string>(...words: Word[]): (value: unknown) => Word {
  return (value) => {
    const found = words.find((known) => known === value)
    if (found !== undefined) return found
    throw new RangeError(`want one of ${words.join(', ')}`)
  }
}

/** A list of mappings, whose content somebody else checks. */
export function mappings(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new TypeError('want a list')
  return value.map((item: unknown) => mapping(item, 'names to values'))
}

export function mapping(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new TypeError(`want a mapping of ${what}`)
}

/** Refused: without certificate verification anyone in between could take over the node. */
export function noSkipVerify(value: unknown): boolean {
  if (flag(value))
    throw new RangeError('not supported: name the CA of the control plane with ca_file')
  return false
}
