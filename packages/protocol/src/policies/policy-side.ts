import { type Cidr, formatCidr, parseCidr } from '../addresses/cidr.ts'
import { isWithin } from '../addresses/mesh-range.ts'
import { parseHostname } from '../names/hostname.ts'
import { isNodeId } from '../names/ids.ts'
import { parseSelector, type Selector } from '../names/selector.ts'

/** One side of a rule. `all` is `*`: every range of the mesh. */
export type Side =
  | { kind: 'all' }
  | { kind: 'cidr'; cidr: Cidr }
  | { kind: 'node'; id: string }
  | { kind: 'hostname'; hostname: string }
  | { kind: 'selector'; selector: Selector }

const hostnamePrefix = 'node:'

/**
 * Parses a side as an operator writes it: `*`, a CIDR or address inside a mesh range, a node id (`n_…`), a hostname
 * (`node:web-01`), otherwise a label selector. Throws a RangeError that quotes the text. Without ranges any CIDR is accepted.
 */
export function parseSide(text: string, ranges?: readonly Cidr[]): Side {
  if (text === '*') return { kind: 'all' }
  if (isNodeId(text)) return { kind: 'node', id: text }
  if (text.startsWith(hostnamePrefix))
    return { kind: 'hostname', hostname: parseHostname(text.slice(hostnamePrefix.length)) }
  if (/^[\d.]+(\/\d*)?$/.test(text)) return { kind: 'cidr', cidr: insideOf(ranges, text) }
  // It would be a valid label selector, but nobody means that.
  if (/^\d+\.\d+\.\d+\.\d+/.test(text))
    throw new RangeError(
      `parse rule side "${text}": want one address or a CIDR, such as "10.100.0.0/28"; write a rule for each where one does not fit`,
    )
  return { kind: 'selector', selector: parseSelector(text) }
}

function insideOf(ranges: readonly Cidr[] | undefined, text: string): Cidr {
  const cidr = parseCidr(text)
  if (!ranges || ranges.some((range) => isWithin(cidr, range))) return cidr
  const [only, ...more] = ranges.map((range) => `"${formatCidr(range)}"`)
  throw new RangeError(
    `parse rule side "${text}": it is not inside ${more.length === 0 ? `the mesh range ${only}` : `one of the mesh ranges ${[only, ...more].join(', ')}`}`,
  )
}
