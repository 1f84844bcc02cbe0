/** ICMP echo as bytes (RFC 792). Pure. */

const echoRequest = 8
/** IPv4 without options, and ICMP echo. */
const headerBytes = 20 + 8

/** `size` includes the IP header. */
export function formatEcho({ id, seq, size }: { id: number; seq: number; size: number }): Buffer {
  const message = Buffer.alloc(size - headerBytes + 8)
  message.writeUInt8(echoRequest, 0)
  message.writeUInt16BE(id, 4)
  message.writeUInt16BE(seq, 6)
  message.writeUInt16BE(checksum(message), 2)
  return message
}

/** An answer to one of our requests, and the host that gave it. */
export interface EchoAnswer {
  /** `exceeded`: a host on the way found that the packet had no hop left. */
  kind: 'reply' | 'exceeded' | 'unreachable'
  seq: number
  from: string
}

/** Parses a packet with its IP header; undefined unless it is a reply to one of our requests. */
export function parseReply(
  packet: Uint8Array,
  id: number,
): { seq: number; from: string } | undefined {
  const answer = parseAnswer(packet, id)
  return answer?.kind === 'reply' ? { seq: answer.seq, from: answer.from } : undefined
}

/** The same for every kind of answer. An error carries the start of our request: its IP header and eight bytes (RFC 792). */
export function parseAnswer(packet: Uint8Array, id: number): EchoAnswer | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
  const message = payloadOf(bytes)
  const kind = message && kinds[message.readUInt8(0)]
  if (!kind) return undefined
  const echo = kind === 'reply' ? message : payloadOf(message.subarray(8))
  if (!echo || (kind !== 'reply' && echo.readUInt8(0) !== echoRequest)) return undefined
  if (echo.readUInt16BE(4) !== id) return undefined
  return { kind, seq: echo.readUInt16BE(6), from: bytes.subarray(12, 16).join('.') }
}

const kinds: Readonly<Record<number, EchoAnswer['kind']>> = {
  0: 'reply',
  3: 'unreachable',
  11: 'exceeded',
}

/** At least the eight bytes that every ICMP message has; undefined if the packet is shorter. */
function payloadOf(packet: Buffer): Buffer | undefined {
  const start = ((packet[0] ?? 0) & 0xf) * 4
  return start < 20 || packet.length < start + 8 ? undefined : packet.subarray(start)
}

/** RFC 1071 */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
