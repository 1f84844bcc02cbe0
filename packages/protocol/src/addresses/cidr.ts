/** IPv4 addresses and prefixes as numbers, so that membership is arithmetic. */
export interface Cidr {
  /** Branded, so that IPv6 ranges, when they come, are a type that cannot be mixed up with this one. */
  family: 4
  /** The first address of the range, as an unsigned 32-bit number. */
  first: number
  prefixLength: number
}

/** The address as an unsigned 32-bit number; throws a RangeError that quotes the text. */
export function parseIpv4(text: string): number {
  const address = readIpv4(text)
  if (address === undefined)
    throw new RangeError(`parse IPv4 address "${text}": want four numbers from 0 to 255`)
  return address
}

/** The same, or undefined. Scans characters instead of splitting, because it is called for each pair of nodes of a mesh. */
export function readIpv4(text: string): number | undefined {
  let address = 0
  let octets = 0
  let octet: number | undefined
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return undefined
      octet = (octet ?? 0) * 10 + digit
      if (octet > 255) return undefined
    } else {
      if (text[at] !== '.' || octet === undefined || octets === 3) return undefined
      address = address * 256 + octet
      octets++
      octet = undefined
    }
  }
  return octets === 3 && octet !== undefined ? address * 256 + octet : undefined
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

/** Parses `10.100.0.0/16`; a bare address is a `/32`; bits set beyond the prefix are refused. */
export function parseCidr(text: string): Cidr {
  const [address = '', length = '32', ...rest] = text.split('/')
  const prefixLength = Number(length)
  if (rest.length > 0 || !/^(0|[1-9]\d?)$/.test(length) || prefixLength > 32) {
    throw new RangeError(`parse CIDR "${text}": want an address and a prefix length from 0 to 32`)
  }
  const first = parseIpv4(address)
  if (first % sizeOf(prefixLength) !== 0) {
    throw new RangeError(`parse CIDR "${text}": the address has bits set behind the prefix length`)
  }
  return { family: 4, first, prefixLength }
}

export function formatCidr({ first, prefixLength }: Cidr): string {
  return `${formatIpv4(first)}/${prefixLength}`
}

/** Number of addresses in the range. */
export function cidrSize({ prefixLength }: Cidr): number {
  return sizeOf(prefixLength)
}

export function cidrContains(range: Cidr, address: number): boolean {
  return address >= range.first && address < range.first + cidrSize(range)
}

export function cidrsOverlap(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other.first) || cidrContains(other, one.first)
}

function sizeOf(prefixLength: number): number {
  return 2 ** (32 - prefixLength)
}
