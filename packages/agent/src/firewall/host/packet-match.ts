/** Whether a rule of another program matches a packet of ours, as far as that can be known. */
import { type Cidr, cidrsOverlap } from '@plexd/protocol'
import { covers, readRange } from '../../routing/tables/networks.ts'
import type { Expression } from './nft-json.ts'

/** A packet that begins a flow. Fields left out may have any value. */
export interface Probe {
  /** Its incoming and outgoing interfaces; `none` if it has none. */
  iifname: string | 'none' | undefined
  oifname: string | 'none' | undefined
  protocol?: 'udp'
  port?: number
  sourcePort?: number
  source?: Cidr | undefined
  destination?: Cidr | undefined
}

export type Match = 'yes' | 'no' | 'maybe'

/** All conditions of a rule together. */
export function matchAll(expressions: readonly Expression[], probe: Probe): Match {
  const matches = expressions.flatMap((expression) => matchOne(expression, probe) ?? [])
  if (matches.includes('no')) return 'no'
  return matches.includes('maybe') ? 'maybe' : 'yes'
}

/** Whether a condition names the probe's interface or port: its author had plexd in mind. */
export function names(expressions: readonly Expression[], probe: Probe): boolean {
  return expressions.some((expression) => {
    const { left, op } = readMatch(expression) ?? {}
    const key = keyOf(left)
    const isAbout = ['dport', 'sport', 'iifname', 'oifname'].includes(key ?? '')
    return isAbout && op !== '!=' && matchOne(expression, probe) === 'yes'
  })
}

/** Undefined for anything but a condition. */
function matchOne(expression: Expression, probe: Probe): Match | undefined {
  if ('xt' in expression || 'limit' in expression) return 'maybe'
  const match = readMatch(expression)
  if (!match) return undefined
  const found = compare(match.left, match.right, probe)
  if (found === 'maybe' || match.op !== '!=') return found
  return found === 'yes' ? 'no' : 'yes'
}

interface ReadMatch {
  op: string
  left: unknown
  right: unknown
}

function readMatch({ match }: Expression): ReadMatch | undefined {
  return isRecord(match)
    ? { op: String(match.op), left: match.left, right: match.right }
    : undefined
}

/** `left` and `right` as in libnftables-json(5). */
export function compare(left: unknown, right: unknown, probe: Probe): Match {
  const values = listOf(right)
  // The members of a named set are not in the rule.
  if (values.some((value) => String(value).startsWith('@'))) return 'maybe'
  switch (keyOf(left)) {
    case 'iifname':
    case 'iif':
      return amongInterfaces(probe.iifname, values)
    case 'oifname':
    case 'oif':
      return amongInterfaces(probe.oifname, values)
    case 'nfproto':
      return among('ipv4', values)
    case 'state':
      return among('new', values)
    case 'l4proto':
    case 'protocol':
      return probe.protocol ? among(probe.protocol, values) : 'maybe'
    case 'dport':
      return matchPort(left, values, probe, probe.port)
    case 'sport':
      return matchPort(left, values, probe, probe.sourcePort)
    case 'saddr':
      return probe.source ? amongNetworks(probe.source, values) : 'maybe'
    case 'daddr':
      return probe.destination ? amongNetworks(probe.destination, values) : 'maybe'
    default:
      return 'maybe'
  }
}

/** `meta iifname` -> iifname, `udp dport` -> dport, `ct state` -> state. */
function keyOf(left: unknown): string | undefined {
  if (!isRecord(left)) return undefined
  const { meta, ct, payload } = left
  for (const part of [meta, ct]) if (isRecord(part)) return String(part.key)
  return isRecord(payload) ? String(payload.field) : undefined
}

function matchPort(
  left: unknown,
  values: readonly unknown[],
  { protocol }: Probe,
  port: number | undefined,
): Match {
  const payload = isRecord(left) && isRecord(left.payload) ? left.payload : {}
  if (protocol && ![protocol, 'th'].includes(String(payload.protocol))) return 'no'
  return port === undefined ? 'maybe' : among(port, values)
}

function amongInterfaces(name: string | undefined, values: readonly unknown[]): Match {
  if (name === undefined) return values.every((value) => value === 'lo') ? 'no' : 'maybe'
  return values.some((value) => fitsName(name, String(value))) ? 'yes' : 'no'
}

function fitsName(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

function among(wanted: string | number, values: readonly unknown[]): Match {
  if (values.some((value) => value === wanted || isInRange(wanted, value))) return 'yes'
  return values.every((value) => typeof value !== 'object' || rangeOf(value)) ? 'no' : 'maybe'
}

function isInRange(wanted: string | number, value: unknown): boolean {
  const range = rangeOf(value)
  return typeof wanted === 'number' && !!range && range[0] <= wanted && wanted <= range[1]
}

function rangeOf(value: unknown): [number, number] | undefined {
  const range = isRecord(value) && Array.isArray(value.range) ? value.range : []
  const [first, last] = range
  return typeof first === 'number' && typeof last === 'number' ? [first, last] : undefined
}

function amongNetworks(network: Cidr, values: readonly unknown[]): Match {
  const known = values.map(readNetwork)
  if (known.some((outer) => outer && covers(outer, network))) return 'yes'
  return known.every((outer) => outer && !cidrsOverlap(outer, network)) ? 'no' : 'maybe'
}

function readNetwork(value: unknown): Cidr | undefined {
  const { addr, len } = isRecord(value) && isRecord(value.prefix) ? value.prefix : {}
  return readRange(typeof value === 'string' ? value : `${addr}/${len}`)
}

/** A single value, or the members of a set. */
function listOf(right: unknown): readonly unknown[] {
  if (isRecord(right) && Array.isArray(right.set)) return right.set
  return Array.isArray(right) ? right : [right]
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
