import { SocketAddress } from 'node:net'
import { formatIpv4, parseIpv6, readIpv4 } from '@plexd/protocol'

/** An IPv4 address as 4 bytes, an IPv6 address as 16. Throws a RangeError for anything else. */
export function writeIp(address: string): Buffer {
  const ipv4 = readIpv4(address)
  const groups = ipv4 === undefined ? parseIpv6(address) : [ipv4 >>> 16, ipv4 & 0xffff]
  if (!groups) throw new RangeError(`IP address "${address}": want numbers`)
  return Buffer.from(groups.flatMap((group) => [group >>> 8, group & 0xff]))
}

/** The canonical (shortest) form of an address of 4 or 16 bytes. */
export function readIp(bytes: Buffer): string {
  if (bytes.length === 4) return formatIpv4(bytes.readUInt32BE())
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}
