import { type CompiledPolicy, type CompiledRule, cidrSize, parseCidr } from '@plexd/protocol'

/** The flows that a rule matches: those whose first packet is in all four ranges. */
export interface RuleMatch {
  /** Addresses as numbers; each range is a prefix. */
  src: Range
  dst: Range
  protocols: Range
  ports: Range
  action: CompiledRule['action']
  /** `<policy>#<index of the rule>`, the name of its counter. */
  name: string
}

/** Both ends are included. */
export interface Range {
  first: number
  last: number
}

const anyAddress: Range = { first: 0, last: 2 ** 32 - 1 }
const anyProtocol: Range = { first: 0, last: 255 }
const anyPort: Range = { first: 0, last: 65_535 }

/** IP protocol numbers. */
const protocolNumbers = { icmp: 1, tcp: 6, udp: 17 }

/** The mesh IP of a node, or undefined if this node does not know it. */
export type MeshIpOf = (nodeId: string) => string | undefined

/**
 * All rules in order, as ranges. An invalid rule is left out and named in `problems`: it must never
 * become wider than it was written. A port without a protocol means TCP and UDP, and so becomes two matches.
 */
export function matchRules(
  policies: readonly CompiledPolicy[],
  meshIpOf: MeshIpOf,
): { matches: RuleMatch[]; problems: string[] } {
  const problems: string[] = []
  const matches = policies.flatMap(({ id, rules }) =>
    rules.flatMap((rule, index) => {
      const match = tryRule(rule, ruleName(id, index), meshIpOf)
      if (typeof match !== 'string') return match
      problems.push(`policy "${id}" rule ${index} is skipped: ${match}`)
      return []
    }),
  )
  return { matches, problems }
}

/** Why a rule is invalid; empty if it is valid. */
export function whySkipped(rule: CompiledRule, meshIpOf: MeshIpOf): string {
  const match = tryRule(rule, '', meshIpOf)
  return typeof match === 'string' ? match : ''
}

/** Its matches, or why it is invalid. */
function tryRule(rule: CompiledRule, name: string, meshIpOf: MeshIpOf): RuleMatch[] | string {
  try {
    return matchRule(rule, name, meshIpOf)
  } catch (error) {
    // Only RangeErrors are about the rule; anything else is a bug.
    if (!(error instanceof RangeError)) throw error
    return error.message
  }
}

/** The comment beside the rule's counter. An id with characters that could end the quoted text is escaped. */
export function ruleName(policyId: string, index: number): string {
  // The limit of nft is 128 bytes.
  return `${encodeURIComponent(policyId).slice(0, 100)}#${index}`
}

function matchRule(rule: CompiledRule, name: string, meshIpOf: MeshIpOf): RuleMatch[] {
  const { port, protocol, action } = rule
  if (port !== 0 && protocol === 'icmp') throw new RangeError(`icmp has no port ${port}`)
  const src = parseSide('source', rule.src, meshIpOf)
  const dst = parseSide('destination', rule.dst, meshIpOf)
  const ports = port === 0 ? anyPort : { first: port, last: port }
  return protocolsOf(rule).map((protocols) => ({ src, dst, protocols, ports, action, name }))
}

function protocolsOf({ port, protocol }: CompiledRule): Range[] {
  if (protocol === '' && port === 0) return [anyProtocol]
  const named = protocol === '' ? (['tcp', 'udp'] as const) : [protocol]
  return named.map((one) => ({ first: protocolNumbers[one], last: protocolNumbers[one] }))
}

function parseSide(which: string, side: string, meshIpOf: MeshIpOf): Range {
  if (side === '*') return anyAddress
  if (/^[\d./]+$/.test(side)) return parsePrefix(side)
  if (side.includes(':')) throw new RangeError(`${which} "${side}": the mesh carries IPv4 only`)
  const meshIp = meshIpOf(side)
  if (meshIp === undefined)
    throw new RangeError(`${which} "${side}" is neither an address nor a node known here`)
  return parsePrefix(meshIp)
}

function parsePrefix(text: string): Range {
  const cidr = parseCidr(text)
  return { first: cidr.first, last: cidr.first + cidrSize(cidr) - 1 }
}
