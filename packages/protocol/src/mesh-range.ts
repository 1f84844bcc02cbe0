import { type Cidr, cidrContains, cidrSize, cidrsOverlap, parseCidr } from './cidr.ts'

const special = [
  { range: parseCidr('0.0.0.0/8'), kind: 'for no host' },
  { range: parseCidr('127.0.0.0/8'), kind: 'loopback' },
  { range: parseCidr('169.254.0.0/16'), kind: 'link-local' },
  { range: parseCidr('224.0.0.0/4'), kind: 'multicast' },
  { range: parseCidr('240.0.0.0/4'), kind: 'reserved' },
] as const

/** The range of no network that a mesh would overlap; undefined for one that can be. */
export function specialRangeIn(range: Cidr): (typeof special)[number] | undefined {
  return special.find((other) => cidrsOverlap(range, other.range))
}

const ownable = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(parseCidr)

/** Whether nobody else has these addresses: RFC 1918, or RFC 6598 as carriers have behind their NAT. */
export function isPrivateRange(range: Cidr): boolean {
  const last = range.first + cidrSize(range) - 1
  return ownable.some((own) => cidrContains(own, range.first) && cidrContains(own, last))
}
