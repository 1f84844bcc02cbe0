import { type Cidr, cidrContains, cidrSize, formatCidr, parseCidr } from './cidr.ts'
import { parseHostname } from './hostname.ts'
import { isNodeId } from './ids.ts'
import { parseSelector, type Selector } from './selector.ts'

/** One side of a rule. `cidr` stands for `*` too: that is the mesh range. */
export type Side =
  | { kind: 'cidr'; cidr: Cidr }
  | { kind: 'node'; id: string }
  | { kind: 'hostname'; hostname: string }
  | { kind: 'selector'; selector: Selector }

const hostnamePrefix = 'node:'

/**
 * Reads a side as an operator writes it: `*`, a CIDR or address inside the mesh range, a node id (`n_…`), a hostname
 * (`node:web-01`), else a label selector. Throws a RangeError that quotes the text. Without a range any will do.
 */
export function parseSide(
  text: string,
  range: Cidr = { family: 4, first: 0, prefixLength: 0 },
): Side {
  if (text === '*') return { kind: 'cidr', cidr: range }
  if (isNodeId(text)) return { kind: 'node', id: text }
  if (text.startsWith(hostnamePrefix))
    return { kind: 'hostname', hostname: parseHostname(text.slice(hostnamePrefix.length)) }
  if (/^[\d.]+(\/\d*)?$/.test(text)) return { kind: 'cidr', cidr: insideOf(range, text) }
  // It could be read as a label, and nobody means one.
  if (/^\d+\.\d+\.\d+\.\d+/.test(text))
    throw new RangeError(
      `parse rule side "${text}": want one address or a CIDR, such as "10.100.0.0/28"; write a rule for each where one does not fit`,
    )
  return { kind: 'selector', selector: parseSelector(text) }
}

function insideOf(range: Cidr, text: string): Cidr {
  const cidr = parseCidr(text)
  const last = cidr.first + cidrSize(cidr) - 1
  if (cidrContains(range, cidr.first) && cidrContains(range, last)) return cidr
  throw new RangeError(
    `parse rule side "${text}": it is not inside the mesh range "${formatCidr(range)}"`,
  )
}
