/**
 * Messages of netlink(7), in host byte order, which is little endian on all supported machines: struct nlmsghdr (length,
 * type, flags, sequence, port id), a header of the family, then attributes.
 */
export interface NetlinkMessage {
  type: number
  portId: number
  /** What follows struct nlmsghdr. */
  body: Buffer
}

export interface NetlinkAttribute {
  type: number
  value: Buffer
}

/** The messages of a datagram; skips malformed ones. */
export function readMessages(datagram: Buffer): NetlinkMessage[] {
  const found: NetlinkMessage[] = []
  let at = 0
  while (at + headerBytes <= datagram.length) {
    const length = datagram.readUInt32LE(at)
    if (length < headerBytes || at + length > datagram.length) break
    const body = datagram.subarray(at + headerBytes, at + length)
    found.push({
      type: datagram.readUInt16LE(at + 4),
      portId: datagram.readUInt32LE(at + 12),
      body,
    })
    at += align(length)
  }
  return found
}

/** A request with NLM_F_REQUEST and these flags. */
export function writeMessage(type: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(headerBytes + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(1 | flags, 6)
  return Buffer.concat([header, body])
}

/** Stops at a malformed one. The upper bits of a type say how the value is encoded, and are left out. */
export function readAttributes(bytes: Buffer): NetlinkAttribute[] {
  const found: NetlinkAttribute[] = []
  let at = 0
  while (at + attributeBytes <= bytes.length) {
    const length = bytes.readUInt16LE(at)
    if (length < attributeBytes || at + length > bytes.length) break
    const type = bytes.readUInt16LE(at + 2) & 0x3fff
    found.push({ type, value: bytes.subarray(at + attributeBytes, at + length) })
    at += align(length)
  }
  return found
}

export function writeAttribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(align(attributeBytes + value.length))
  bytes.writeUInt16LE(attributeBytes + value.length, 0)
  bytes.writeUInt16LE(type, 2)
  value.copy(bytes, attributeBytes)
  return bytes
}

/** Without its zero byte. */
export function readText(value: Buffer): string {
  return value.subarray(0, -1).toString()
}

const headerBytes = 16
const attributeBytes = 4

function align(length: number): number {
  return (length + 3) & ~3
}
