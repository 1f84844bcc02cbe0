import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { formatIpv4, parseIpv4 } from '@plexd/protocol'

/** An IPv4 address as 4 bytes, an IPv6 address as 16. Throws a RangeError for anything else. */
export function writeIp(address: string): Buffer {
  if (isIPv4(address)) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(parseIpv4(address))
    return bytes
  }
  if (!isIPv6(address) || address.includes('%'))
    throw new RangeError(`IP address "${address}": want numbers`)
  return writeIpv6(address)
}

/** The canonical (shortest) form of an address of 4 or 16 bytes. */
export function readIp(bytes: Buffer): string {
  if (bytes.length === 4) return formatIpv4(bytes.readUInt32BE())
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

function writeIpv6(address: string): Buffer {
  const [head = '', tail] = address.replace(/[\d.]+$/, ipv4AsGroups).split('::')
  const before = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const bytes = Buffer.alloc(16)
  for (const [at, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * at)
  return bytes
}

/** Converts the IPv4 tail of `::ffff:192.0.2.1` to groups; leaves other addresses unchanged. */
function ipv4AsGroups(end: string): string {
  if (!isIPv4(end)) return end
  const number = parseIpv4(end)
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
}
