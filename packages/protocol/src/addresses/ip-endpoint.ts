import { type Cidr, cidrContains, formatCidr, formatIpv4, parseCidr, readIpv4 } from './cidr.ts'
import { formatIpv6, parseIpv6 } from './ipv6.ts'
import { rangeOf } from './mesh-range.ts'

/** What the caller knows about the network that the endpoint is for. */
export interface EndpointRules {
  /** All addresses of the mesh: WireGuard's packets to an endpoint there would be routed into the tunnel again. */
  meshRanges?: readonly Cidr[] | undefined
  /** If all nodes run on one machine, they reach each other over loopback. */
  loopback?: boolean
}

export function isUsableEndpoint(text: string, rules: EndpointRules = {}): boolean {
  return endpointFault(text, rules) === undefined
}

/**
 * Why no peer can be reached at this endpoint; undefined if one can. Valid endpoints are `203.0.113.10:51820` and
 * `[2001:db8::1]:51820`: a numeric address in canonical form, and a port.
 */
export function endpointFault(text: string, rules: EndpointRules = {}): string | undefined {
  const [, ipv6, ipv4, port] = /^(?:\[([^\]]*)\]|([\d.]+)):(\d+)$/.exec(text) ?? []
  if (port === undefined) return 'it is no address in numbers and a port'
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)
    return 'its port is no number from 1 to 65535'
  return ipv6 === undefined ? ipv4Fault(ipv4 ?? '', rules) : ipv6Fault(ipv6, rules)
}

function ipv4Fault(text: string, { meshRanges, loopback }: EndpointRules): string | undefined {
  const address = readIpv4(text)
  if (address === undefined) return 'it is no address in numbers and a port'
  return addressFault(address, { meshRanges, loopback })
}

function addressFault(
  address: number,
  { meshRanges, loopback }: EndpointRules,
): string | undefined {
  const inside = rangeOf(meshRanges ?? [], address)
  if (inside) return `it lies inside the mesh, ${formatCidr(inside)}`
  const fault = ipv4Faults.find(({ range }) => cidrContains(range, address))?.fault
  return loopback && fault === faults.loopback ? undefined : fault
}

const faults = {
  unspecified: 'its address is that of no host',
  loopback: 'its address is loopback',
  linkLocal: 'its address is link-local: it is good for one link of one machine',
  multicast: 'its address is multicast',
  broadcast: 'its address is broadcast',
  reserved: 'its address is reserved: no host has it',
}

/** Ranges that never contain another machine's address. */
const ipv4Faults = [
  { range: parseCidr('0.0.0.0/8'), fault: faults.unspecified },
  { range: parseCidr('127.0.0.0/8'), fault: faults.loopback },
  { range: parseCidr('169.254.0.0/16'), fault: faults.linkLocal },
  { range: parseCidr('224.0.0.0/4'), fault: faults.multicast },
  { range: parseCidr('255.255.255.255/32'), fault: faults.broadcast },
  { range: parseCidr('240.0.0.0/4'), fault: faults.reserved },
]

function ipv6Fault(text: string, rules: EndpointRules): string | undefined {
  // A zone, as in fe80::1%eth0, names an interface of one machine.
  if (text.includes('%')) return faults.linkLocal
  const groups = parseIpv6(text)
  if (!groups) return 'it is no address in numbers and a port'
  const fault = groupsFault(groups, rules)
  if (fault !== undefined) return rules.loopback && fault === faults.loopback ? undefined : fault
  const canonical = formatIpv6(groups)
  return canonical === text ? undefined : `it is not written as [${canonical}]`
}

function groupsFault(groups: readonly number[], rules: EndpointRules): string | undefined {
  const [first = 0] = groups
  const [sixth, high = 0, low = 0] = groups.slice(5)
  const number = high * 65_536 + low
  if (groups.slice(0, 5).every((group) => group === 0) && (sixth === 0 || sixth === 0xffff)) {
    if (sixth === 0 && number === 0) return faults.unspecified
    if (sixth === 0 && number === 1) return faults.loopback
    return `it is an IPv4 address in the form of IPv6, ${formatIpv4(number)}`
  }
  if ((first & 0xffc0) === 0xfe80) return faults.linkLocal
  if (first >= 0xff00) return faults.multicast
  const inside = carriedIpv4(groups)
  if (inside !== undefined) {
    const fault = addressFault(inside, { meshRanges: rules.meshRanges })
    return fault && `it leads to ${formatIpv4(inside)}: ${fault}`
  }
  return isAssigned(groups) ? undefined : faults.reserved
}

/** The IPv4 host embedded in an address of a translator or tunnel: NAT64 (RFC 6052), 6to4 (RFC 3056). */
function carriedIpv4([first = 0, second = 0, third = 0, ...others]: readonly number[]):
  | number
  | undefined {
  const [, , , high = 0, low = 0] = others
  if (
    first === 0x64 &&
    second === 0xff9b &&
    third === 0 &&
    others.slice(0, 3).every((group) => group === 0)
  )
    return high * 65_536 + low
  return first === 0x2002 ? second * 65_536 + third : undefined
}

/** The ranges with host addresses: 2000::/3, unique local ones (RFC 4193), and a network's own NAT64 prefix (RFC 8215). */
function isAssigned([first = 0, second = 0, third = 0]: readonly number[]): boolean {
  if ((first & 0xe000) === 0x2000 || (first & 0xfe00) === 0xfc00) return true
  return first === 0x64 && second === 0xff9b && third === 1
}
