import { isIPv4, isIPv6 } from 'node:net'

/** Where a datagram comes from or goes to: an IPv4 or IPv6 address in numbers, and a port. */
export interface Address {
  address: string
  port: number
}

/** `203.0.113.10:51820`, `[2001:db8::1]:51820`: as WireGuard writes an endpoint. */
export function formatAddress({ address, port }: Address): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a.address === b.address && a.port === b.port
}

/** Without the `::ffff:` by which a socket for both families names IPv4. */
export function unmapAddress(address: string): string {
  const [, ipv4 = ''] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  return isIPv4(ipv4) ? ipv4 : address
}
