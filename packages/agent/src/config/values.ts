import { resolve } from 'node:path'
import { formatCidr, parseCidr, parseDuration } from '@plexd/protocol'
import { type LogLevel, logLevels, resolveLimits } from '@plexd/runtime'
import { type Limits, limits } from './limits.ts'
import { parseStunServer } from './stun-server.ts'

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

/** Accepted by the kernel, and safe in a command line. */
export function interfaceName(value: unknown): string {
  const name = text(value)
  if (/^(?!\.)[A-Za-z0-9_.-]{1,15}$/.test(name)) return name
  throw new RangeError('want 1 to 15 letters, digits, dashes, dots and underscores')
}

/** An integer from `min` to `max`. */
export function count(min: number, max: number): (value: unknown) => number {
  return (value) => {
    const number = typeof value === 'string' && value !== '' ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) {
      return number
    }
    throw new RangeError(`want a whole number from ${min} to ${max}`)
  }
}

/** IPv4 ranges: one, or a list. */
export function cidrs(value: unknown): string[] {
  const ranges = [value].flat().map((one) => formatCidr(parseCidr(text(one))))
  if (ranges.length === 0) throw new RangeError('want a range, such as 10.100.0.0/16, or several')
  return ranges
}

/** A longer interval makes no sense; "never" has its own switch. */
const longestMs = 720 * 3_600_000
/** A request, stream or action that is silent for this long is dead; a socket's timer cannot hold 25 days. */
export const longestSilenceMs = 24 * 3_600_000

/** A Go duration from `minMs` to `maxMs`, in milliseconds. */
export function duration(minMs: number, maxMs = longestMs): (value: unknown) => number {
  return (value) => {
    if (typeof value !== 'string') throw new TypeError('want a number and a unit, such as "30s"')
    const ms = parseDuration(value)
    if (ms < minMs) throw new RangeError(`want at least ${minMs / 1_000}s`)
    if (ms > maxMs) throw new RangeError(`want at most ${maxMs / 3_600_000}h`)
    return ms
  }
}

export function logLevel(value: unknown): LogLevel {
  const level = logLevels.find((known) => known === value)
  if (level) return level
  throw new RangeError(`want one of ${logLevels.join(', ')}`)
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

/** A list of `host[:port]`. */
export function stunServers(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError('want a list of "host:port"')
  return value.map((item: unknown) => {
    const server = text(item)
    parseStunServer(server)
    return server
  })
}

/** Absolute paths, and keys of 32 bytes in base64: one, or a list. */
export function releaseKeys(value: unknown): readonly string[] {
  return [value].flat().map((item: unknown) => {
    const key = text(item)
    if (key.startsWith('/') || Buffer.from(key, 'base64').length === 32) return key
    throw new RangeError('want the absolute path of a file in PEM, or 32 bytes in base64')
  })
}

/** A mapping of strings; numbers and booleans are converted as written. */
export function labels(value: unknown): Record<string, string> {
  const pairs = Object.entries(mapping(value, 'names to texts')).map(([name, label]) => {
    if (typeof label === 'object') throw new TypeError(`want a text under "${name}"`)
    return [name, String(label)]
  })
  return Object.fromEntries(pairs)
}

/** A mapping of limit names to numbers; the others keep their defaults. */
export function limitNumbers(value: unknown): Limits {
  return resolveLimits(limits, mapping(value, 'limits to numbers'))
}

/** A folder or file; a relative path is that from where plexd is started. */
export function path(value: unknown): string {
  return resolve(text(value))
}

/** The same; "-" is stdin. */
export function joinPath(value: unknown): string {
  return value === '-' ? '-' : path(value)
}

/** Texts: one, or a list. */
export function texts(value: unknown): readonly string[] {
  return [value].flat().map(text)
}

/** Addresses of programs of this machine, or of what it can reach. */
export function httpUrls(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    const { protocol, username = '', password = '' } = URL.parse(one) ?? {}
    // The address is shown in the status.
    if (username + password !== '')
      throw new RangeError('want an address without user and password')
    if (protocol === 'http:' || protocol === 'https:') return one
    throw new RangeError('want an address such as http://127.0.0.1:9100/metrics, or several')
  })
}

/** `ADDRESS:PORT`, with an IPv6 address in brackets. */
export function listenAddress(value: unknown): string {
  const one = text(value)
  const url = URL.parse(`http://${one}`)
  if (url && url.host === one && url.port !== '') return one
  throw new RangeError('want ADDRESS:PORT, such as 10.100.0.7:9101')
}

/** Absolute paths, in which `*` may stand for any name: one, or a list. */
export function paths(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    if (one.startsWith('/')) return one
    throw new RangeError(`want the absolute path of a file, or several, not "${one}"`)
  })
}

/** Where audit records come from. */
export function auditPlaces(value: unknown): readonly string[] {
  return texts(value).map((one) => {
    if (one === 'netlink' || one.startsWith('/')) return one
    throw new RangeError('want "netlink" or the absolute path of a log or socket, or several')
  })
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

function mapping(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new TypeError(`want a mapping of ${what}`)
}

/** Refused: without certificate verification anyone in between could take over the node. */
export function noSkipVerify(value: unknown): boolean {
  if (flag(value))
    throw new RangeError('not supported: name the CA of the control plane with ca_file')
  return false
}
