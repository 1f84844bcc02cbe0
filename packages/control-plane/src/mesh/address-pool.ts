import { ApiError, type Cidr, cidrSize, formatCidr, formatIpv4 } from '@plexd/protocol'

/** A range of addresses to assign. */
export interface AddressPool {
  range: Cidr
  /** The last assigned address, 0 for none yet. Continuing after it leaves a freed address unused for as long as possible. */
  last: number
}

export interface AddressRequest {
  /** In the order in which they are used; at least one. */
  pools: readonly AddressPool[]
  isTaken: (address: number) => boolean
  /** Whether a recently removed node had the address; assigned only if no other is free. */
  isResting: (address: number) => boolean
}

/**
 * The next free mesh address. The first and the last of a range are never assigned, nor is x.x.255.x, by convention
 * the addresses of bridges, unless the range contains nothing else. Throws an ApiError (503) if all are full.
 */
export function nextAddress({ pools, isTaken, isResting }: AddressRequest): number {
  // Addresses are assigned in ascending order, so the next one ahead was freed longest ago.
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

/** The number of assignable addresses. */
export function capacityOf(range: Cidr): number {
  const last = range.first + cidrSize(range) - 1
  const hasBridges = range.prefixLength < 24 && isReserved(range, last)
  // A /24 per /16; the range's last address is not counted twice.
  const reserved = hasBridges ? 2 ** Math.max(0, 16 - range.prefixLength) * 256 - 1 : 0
  return Math.max(0, cidrSize(range) - 2 - reserved)
}

function isReserved(range: Cidr, address: number): boolean {
  return range.prefixLength < 24 && formatIpv4(address).split('.')[2] === '255'
}
