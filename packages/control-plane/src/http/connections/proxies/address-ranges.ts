import { BlockList, isIP } from 'node:net'
import { unmapAddress } from '@plexd/runtime'

/** Whether an address is in one of the ranges, also with a zone, or as an IPv4 address in an IPv6 one; false of what is no address. */
export function matcherOf(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', length = ''] = range.split('/')
    list.addSubnet(address, Number(length), familyOf(address))
  }
  return (given) => {
    const address = unmapAddress(given.replace(/%.*$/, ''))
    return isIP(address) !== 0 && list.check(address, familyOf(address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
