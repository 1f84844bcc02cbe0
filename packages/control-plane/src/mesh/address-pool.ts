import { ApiError, type Cidr, cidrSize, formatCidr, formatIpv4 } from '@plexd/protocol'

export interface AddressRequest {
  range: Cidr
  /** The address given last, 0 for none yet. Going on behind it leaves a freed address alone for as long as possible. */
  last: number
  isTaken: (address: number) => boolean
  /** Whether it is that of a node which left a short while ago; given only when there is no other. */
  isResting: (address: number) => boolean
}

/**
 * The next free mesh address. The first and the last of the range are never given, nor are x.x.255.x, by convention
 * those of bridges, unless the range has nothing else. Throws an ApiError (503) when the range is full.
 */
export function nextAddress({ range, last, isTaken, isResting }: AddressRequest): number {
  const usable = cidrSize(range) - 2
  const offset = last > range.first ? last - range.first : 0
  // What was freed longest ago lies ahead, as addresses are given in order.
  let rested: number | undefined
  for (let step = 0; step < usable; step++) {
    const address = range.first + 1 + ((offset + step) % usable)
    if (isReserved(range, address) || isTaken(address)) continue
    if (!isResting(address)) return address
    rested ??= address
  }
  if (rested !== undefined) return rested
  throw new ApiError(
    'unavailable',
    `mesh range "${formatCidr(range)}" is full: every address is in use`,
    { retryAfterSeconds: fullRetrySeconds },
  )
}

const fullRetrySeconds = 60

function isReserved(range: Cidr, address: number): boolean {
  return range.prefixLength < 24 && formatIpv4(address).split('.')[2] === '255'
}
