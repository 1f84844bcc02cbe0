import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { formatIpv4, parseIpv4, parseIpv6 } from '@plexd/protocol'
import { unmapAddress } from '@plexd/runtime'
import { type Relaying, signature } from '../http/connections/proxies/proxy-header.ts'
import { markBytes } from './marks.ts'

/** A client's connection, as it came in. */
export interface Ends {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

/** A type for own use (section 2.2 of the PROXY protocol): a mark that no other header has, and the MAC of all that is in front of it. */
const ownType = 0xe0
/** Likewise, of a control plane that ends soon; one of an earlier version passes over it. */
const drainingType = 0xe1
const macBytes = 32
const ownBytes = markBytes + macBytes

/**
 * What a control plane says first when it passes a connection on to the one that serves: a header of the PROXY protocol, version 2, with a MAC
 * behind the addresses, because anybody could write such a header, and with a mark, because anybody could send one again. The key is that of
 * the one that serves, which the others read in the database.
 */
export function linkHeader(
  key: KeyObject,
  ends: Ends,
  mark: Buffer,
  how: Relaying = 'staying',
): Buffer {
  const addresses = addressesOf(ends)
  const family = addresses.length === ip4Bytes ? 0x11 : 0x21
  const head = Buffer.alloc(signature.length + 4)
  signature.copy(head)
  head[12] = 0x21
  head[13] = family
  const draining = Buffer.from(how === 'draining' ? [drainingType, 0, 0] : [])
  head.writeUInt16BE(addresses.length + draining.length + 3 + ownBytes, 14)
  const own = Buffer.from([ownType, 0, ownBytes])
  const before = Buffer.concat([head, addresses, draining, own, mark])
  return Buffer.concat([before, macOf(key, before)])
}

/** The mark in a whole header; undefined if no control plane that knows the key has written it. */
export function markOf(header: Buffer, key: KeyObject): Buffer | undefined {
  const [at, macAt] = [header.length - ownBytes, header.length - macBytes]
  const [type, high, low] = header.subarray(Math.max(0, at - 3), Math.max(0, at))
  if (type !== ownType || high !== 0 || low !== ownBytes) return undefined
  const isTrue = timingSafeEqual(macOf(key, header.subarray(0, macAt)), header.subarray(macAt))
  return isTrue ? header.subarray(at, macAt) : undefined
}

/** How the control plane is that has written this header, which has a mark of it. */
export function relayingIn(header: Buffer): Relaying {
  const addressBytes = header[13] === 0x11 ? ip4Bytes : ip6Bytes
  return header[signature.length + 4 + addressBytes] === drainingType ? 'draining' : 'staying'
}

const ip4Bytes = 12
const ip6Bytes = 36

/** Source, destination, and their ports; both addresses in one family. */
function addressesOf(ends: Ends): Buffer {
  const [from, to] = [plain(ends.remoteAddress), plain(ends.localAddress)]
  const bytesOf = [from, to].some((address) => isIPv6(address)) ? ipv6Of : ipv4Of
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(ends.remotePort ?? 0, 0)
  ports.writeUInt16BE(ends.localPort ?? 0, 2)
  return Buffer.concat([bytesOf(from), bytesOf(to), ports])
}

function plain(address: string | undefined): string {
  return unmapAddress((address ?? '').replace(/%.*$/, '')) || '0.0.0.0'
}

function ipv4Of(address: string): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(parseIpv4(address))
  return bytes
}

function ipv6Of(address: string): Buffer {
  const bytes = Buffer.alloc(16)
  const text = isIPv6(address) ? address : `::ffff:${formatIpv4(parseIpv4(address))}`
  for (const [at, group] of (parseIpv6(text) ?? []).entries()) bytes.writeUInt16BE(group, 2 * at)
  return bytes
}

function macOf(key: KeyObject, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest()
}
