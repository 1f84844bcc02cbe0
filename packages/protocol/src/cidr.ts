/** IPv4 addresses and prefixes as numbers, so that membership is arithmetic. */
export interface Cidr {
  /** The first address of the range, as an unsigned 32-bit number. */
  first: number
  prefixLength: number
}

/** The address as an unsigned 32-bit number; throws a RangeError that quotes the text. */
export function parseIpv4(text: string): number {
  const octets = text.split('.')
  const valid =
    octets.length === 4 &&
    octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)
  if (!valid) throw new RangeError(`parse IPv4 address "${text}": want four numbers from 0 to 255`)
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

/** Parses `10.100.0.0/16`; a bare address is a `/32`; bits behind the prefix are refused. */
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
  return { first, prefixLength }
}

export function formatCidr({ first, prefixLength }: Cidr): string {
  return `${formatIpv4(first)}/${prefixLength}`
}

/** How many addresses the range holds. */
export function cidrSize({ prefixLength }: Cidr): number {
  return sizeOf(prefixLength)
}

export function cidrContains(range: Cidr, address: number): boolean {
  return address >= range.first && address < range.first + cidrSize(range)
}

function sizeOf(prefixLength: number): number {
  return 2 ** (32 - prefixLength)
}
