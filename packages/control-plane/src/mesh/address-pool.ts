import { ApiError, type Cidr, cidrSize, formatCidr, formatIpv4 } from '@plexd/protocol'

/** Addresses to give out. */
export interface AddressPool {
  range: Cidr
  /** The address given last, 0 for none yet. Going on behind it leaves a freed address alone for as long as possible. */
  last: number
}

export interface AddressRequest {
  /** In the order in which they are taken from; one at least. */
  pools: readonly AddressPool[]
  isTaken: (address: number) => boolean
  /** Whether it is that of a node which left a short while ago; given only when there is no other. */
  isResting: (address: number) => boolean
}

/**
 * The next free mesh address. The first and the last of a range are never given, nor are x.x.255.x, by convention
 * those of bridges, unless the range has nothing else. Throws an ApiError (503) when all are full.
 */
export function nextAddress({ pools, isTaken, isResting }: AddressRequest): number {
  // What was freed longest ago lies ahead, as addresses are given in order.
  let rested: number | undefined
  for (const pool of pools)
    for (const address of candidatesIn(pool)) {
      if (isTaken(address)) continue
      if (!isResting(address)) return address
      rested ??= address
    }
  if (rested !== undefined) return rested
  const [only, ...more] = pools.map(({ range }) => `"${formatCidr(range)}"`)
  const full = more.length === 0 ? `range ${only} is` : `ranges ${[only, ...more].join(', ')} are`
  throw new ApiError(
    'unavailable',
    `mesh ${full} full: every address is in use: add a range with "plexctl mesh range add CIDR"`,
    { retryAfterSeconds: fullRetrySeconds },
  )
}

const fullRetrySeconds = 60

function* candidatesIn({ range, last }: AddressPool): Generator<number> {
  const usable = cidrSize(range) - 2
  const offset = last > range.first ? last - range.first : 0
  for (let step = 0; step < usable; step++) {
    const address = range.first + 1 + ((offset + step) % usable)
    if (!isReserved(range, address)) yield address
  }
}

/** How many nodes there is an address for. */
export function capacityOf(range: Cidr): number {
  const last = range.first + cidrSize(range) - 1
  const hasBridges = range.prefixLength < 24 && isReserved(range, last)
  // A /24 in each /16; the last address of all is not counted twice.
  const reserved = hasBridges ? 2 ** Math.max(0, 16 - range.prefixLength) * 256 - 1 : 0
  return Math.max(0, cidrSize(range) - 2 - reserved)
}

function isReserved(range: Cidr, address: number): boolean {
  return range.prefixLength < 24 && formatIpv4(address).split('.')[2] === '255'
}
