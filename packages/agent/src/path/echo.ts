/** ICMP echo as bytes (RFC 792). Pure. */

const echoRequest = 8
const echoReply = 0
/** IPv4 without options, and ICMP echo. */
export const headerBytes = 20 + 8

/** `size` includes the IP header. */
export function formatEcho({ id, seq, size }: { id: number; seq: number; size: number }): Buffer {
  const message = Buffer.alloc(size - headerBytes + 8)
  message.writeUInt8(echoRequest, 0)
  message.writeUInt16BE(id, 4)
  message.writeUInt16BE(seq, 6)
  message.writeUInt16BE(checksum(message), 2)
  return message
}

/** Parses a packet with its IP header; undefined unless it is a reply to one of our requests. */
export function parseReply(
  packet: Uint8Array,
  id: number,
): { seq: number; from: string } | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
  const start = ((bytes[0] ?? 0) & 0xf) * 4
  if (start < 20 || bytes.length < start + 8) return undefined
  if (bytes.readUInt8(start) !== echoReply || bytes.readUInt16BE(start + 4) !== id) return undefined
  return { seq: bytes.readUInt16BE(start + 6), from: bytes.subarray(12, 16).join('.') }
}

/** RFC 1071 */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
