import { isIPv4, isIPv6 } from 'node:net'

/** The source or destination of a datagram: a numeric IPv4 or IPv6 address and a port. */
export interface Address {
  address: string
  port: number
}

/** `203.0.113.10:51820`, `[2001:db8::1]:51820`: WireGuard's format of an endpoint. */
export function formatAddress({ address, port }: Address): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a.address === b.address && a.port === b.port
}

/** Without the `::ffff:` prefix that dual-stack sockets use for IPv4. */
export function unmapAddress(address: string): string {
  const [, ipv4 = ''] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  return isIPv4(ipv4) ? ipv4 : address
}
