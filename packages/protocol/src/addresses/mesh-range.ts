import { type Cidr, cidrContains, cidrsOverlap, formatCidr, parseCidr } from './cidr.ts'

const special = [
  { range: parseCidr('0.0.0.0/8'), kind: 'for no host' },
  { range: parseCidr('127.0.0.0/8'), kind: 'loopback' },
  { range: parseCidr('169.254.0.0/16'), kind: 'link-local' },
  { range: parseCidr('224.0.0.0/4'), kind: 'multicast' },
  { range: parseCidr('240.0.0.0/4'), kind: 'reserved' },
] as const

/** The reserved range (such as loopback or multicast) that a mesh would overlap; undefined if there is none. */
export function specialRangeIn(range: Cidr): (typeof special)[number] | undefined {
  return special.find((other) => cidrsOverlap(range, other.range))
}

const ownable = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(parseCidr)

/** Whether the range is private: RFC 1918, or RFC 6598 (carrier-grade NAT). */
export function isPrivateRange(range: Cidr): boolean {
  return ownable.some((own) => isWithin(range, own))
}

/** The maximum number of ranges of a tenant. Each is a route on every node, and a rule about `*` is compiled to one rule per pair of ranges. */
export const maxMeshRanges = 4

/** Why the range cannot be used for a mesh; undefined if it can. */
export function rangeFault(range: Cidr): string | undefined {
  if (range.prefixLength < 8 || range.prefixLength > 30) return 'want a prefix length from 8 to 30'
  const special = specialRangeIn(range)
  return (
    special &&
    `it overlaps ${formatCidr(special.range)}, which is ${special.kind}: take a private range, such as 10.100.0.0/16`
  )
}

/** The range that contains the address. */
export function rangeOf(ranges: readonly Cidr[], address: number): Cidr | undefined {
  return ranges.find((range) => cidrContains(range, address))
}

/** Whether the second range contains the first. */
export function isWithin(inner: Cidr, outer: Cidr): boolean {
  return inner.prefixLength >= outer.prefixLength && cidrContains(outer, inner.first)
}
