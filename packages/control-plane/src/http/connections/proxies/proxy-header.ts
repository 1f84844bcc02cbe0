import { SocketAddress } from 'node:net'
import { unmapAddress } from '@plexd/runtime'

/** Whom a balancer has accepted. */
export interface Peer {
  /** An IPv4 or IPv6 address; an IPv4 address in an IPv6 one is written as itself. */
  address: string
  port: number
  /** Where another control plane has passed it on: whether that one ends soon. */
  passedOnBy?: Relaying
}

/** Of a control plane that passes connections on. */
export type Relaying = 'staying' | 'draining'

/**
 * What the bytes are: a header of so many bytes, which names nobody where the balancer speaks for itself; the beginning of one, which wants at
 * least so many `more`; or none.
 */
export type ProxyHeader =
  | { kind: 'header'; bytes: number; peer: Peer | undefined }
  | { kind: 'begun'; more: number }
  | { kind: 'none'; why: HeaderFault }

/** A short list, because faults are counted by it. */
export const headerFaults = {
  v1: 'a header of version 1: have the balancer send version 2 (HAProxy: send-proxy-v2)',
  tls: 'TLS without a header: have the balancer send one (HAProxy: send-proxy-v2), in its health checks too',
  other: 'something that is no header',
  version: 'a header of a version that is not 2',
  command: 'a header with a command or a protocol that version 2 has not',
  short: 'a header that is too short for its addresses',
  long: 'a header that is too long',
  half: 'half a header',
  stranger:
    'a header that is neither of a balancer (proxy_protocol_from) nor of a control plane on the same database',
  late: 'no header in time (limit silent_connection_ms)',
} as const
export type HeaderFault = (typeof headerFaults)[keyof typeof headerFaults]

export const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const v1Signature = Buffer.from('PROXY ', 'latin1')
const tlsHandshake = 0x16

/** Signature, version with command, family with protocol, and the length of the rest. */
const fixedBytes = 16
/** Addresses are 216 at most; the longest that is known behind them is the certificate of a client. */
export const maxHeaderBytes = 8_192

interface Family {
  /** Of its addresses and ports. */
  bytes: number
  peerIn?(rest: Buffer): Peer
}

/**
 * By family and protocol. Of those without `peerIn` (unknown, UDP, Unix sockets) the address of the connection itself is used, as the
 * specification wants it of who cannot do more with them.
 */
const families: Readonly<Record<number, Family>> = {
  0: { bytes: 0 },
  17: { bytes: 12, peerIn: (rest) => ({ address: ipv4In(rest), port: rest.readUInt16BE(8) }) },
  18: { bytes: 12 },
  33: { bytes: 36, peerIn: (rest) => ({ address: ipv6In(rest), port: rest.readUInt16BE(32) }) },
  34: { bytes: 36 },
  49: { bytes: 216 },
  50: { bytes: 216 },
}

/**
 * Reads a header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt, section 2.2). What it has behind the addresses (TLVs) is
 * passed over. Pure.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (!isPrefix(bytes, signature)) return judgeOther(bytes)
  if (bytes.length < fixedBytes) return begun(fixedBytes - bytes.length)
  const [version, command] = [bytes.readUInt8(12) >> 4, bytes.readUInt8(12) & 0xf]
  const total = fixedBytes + bytes.readUInt16BE(14)
  if (version !== 2) return none('version')
  if (command > 1) return none('command')
  if (total > maxHeaderBytes) return none('long')
  // In a header for itself the balancer may say what it likes of addresses.
  const family = command === 0 ? families[0] : families[bytes.readUInt8(13)]
  if (!family) return none('command')
  if (total < fixedBytes + family.bytes) return none('short')
  if (bytes.length < total) return begun(total - bytes.length)
  return { kind: 'header', bytes: total, peer: family.peerIn?.(bytes.subarray(fixedBytes, total)) }
}

/** With this a balancer speaks for itself, or whoever asks us from its address. */
export const ownHeader: Buffer = Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])])

/** What does not begin like version 2. */
function judgeOther(bytes: Buffer): ProxyHeader {
  if (bytes[0] === tlsHandshake) return none('tls')
  if (!isPrefix(bytes, v1Signature)) return none('other')
  return bytes.length < v1Signature.length ? begun(v1Signature.length - bytes.length) : none('v1')
}

/** Whether the bytes begin with `whole`, or it with them. */
function isPrefix(bytes: Buffer, whole: Buffer): boolean {
  const length = Math.min(bytes.length, whole.length)
  return bytes.compare(whole, 0, length, 0, length) === 0
}

const begun = (more: number): ProxyHeader => ({ kind: 'begun', more })
const none = (why: keyof typeof headerFaults): ProxyHeader => ({
  kind: 'none',
  why: headerFaults[why],
})

function ipv4In(rest: Buffer): string {
  return rest.subarray(0, 4).join('.')
}

/** As Node writes the addresses of its own sockets. */
function ipv6In(rest: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => rest.readUInt16BE(index * 2).toString(16))
  return unmapAddress(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address)
}
