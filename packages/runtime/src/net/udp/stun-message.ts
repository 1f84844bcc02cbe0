import { readIp, writeIp } from './ip-bytes.ts'
import type { Address } from './udp-address.ts'

/** STUN binding messages (RFC 5389), with the attributes of RFC 5780 for discovering a NAT's behaviour. */
export interface StunMessage {
  kind: 'request' | 'success' | 'error'
  /** 12 bytes in hexadecimal; an answer repeats that of its request. */
  transactionId: string
  /** The source address of the request as the server saw it. */
  mapped?: Address
  /** The server's other address, with another port; only from servers that support RFC 5780. */
  other?: Address
  /** The source of the answer. */
  origin?: Address
  /** In a request: whether the answer should come from another address or port than the request was sent to. */
  change?: { address: boolean; port: boolean }
  /** In an error: 300 to 699. */
  errorCode?: number
  /** Comprehension-required attributes that we do not know (RFC 5389, section 7.3.1). */
  unknown?: readonly number[]
}

/** Bytes 4 to 7 of every STUN message; WireGuard messages never have this value there. */
export const magicCookie = 0x2112a442

/** Larger than any legitimate answer, which fits into one packet. */
const maxBytes = 1_280

export function encodeStun(message: StunMessage): Buffer {
  const id = Buffer.from(message.transactionId, 'hex')
  if (id.length !== 12)
    throw new RangeError(`transaction id "${message.transactionId}": want 12 bytes`)
  const attributes = Buffer.concat(encodeAttributes(message, id))
  const header = Buffer.alloc(8)
  header.writeUInt16BE(types[message.kind], 0)
  header.writeUInt16BE(attributes.length, 2)
  header.writeUInt32BE(magicCookie, 4)
  return Buffer.concat([header, id, attributes])
}

/** Undefined for anything but a well-formed binding message. Unused attributes are skipped. */
export function decodeStun(datagram: Buffer): StunMessage | undefined {
  if (datagram.length < 20 || datagram.length > maxBytes) return undefined
  if (datagram.readUInt32BE(4) !== magicCookie) return undefined
  const length = datagram.readUInt16BE(2)
  if (length % 4 !== 0 || length !== datagram.length - 20) return undefined
  const kind = kinds.get(datagram.readUInt16BE(0))
  const attributes = splitAttributes(datagram.subarray(20))
  if (kind === undefined || attributes === undefined) return undefined
  const id = datagram.subarray(8, 20)
  const message: StunMessage = { kind, transactionId: id.toString('hex') }
  for (const { type, value } of attributes)
    if (!decodeAttribute(message, type, value, id)) return undefined
  return message
}

const types = { request: 0x0001, success: 0x0101, error: 0x0111 } as const
const kinds = new Map([
  [types.request, 'request'],
  [types.success, 'success'],
  [types.error, 'error'],
] as const) as ReadonlyMap<number, StunMessage['kind']> // any number may be asked for

const attribute = {
  mappedAddress: 0x0001,
  changeRequest: 0x0003,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
} as const

/** Attributes of an authenticating client, which we ignore: USERNAME, MESSAGE-INTEGRITY, REALM, NONCE. */
const forAuthentication: readonly number[] = [0x0006, 0x0008, 0x0014, 0x0015]
/** Comprehension-optional types start here. */
const firstOptional = 0x8000

/** RFC 5780, section 7.2. */
const changeAddress = 0x4
const changePort = 0x2

function encodeAttributes(message: StunMessage, id: Buffer): Buffer[] {
  const { mapped, other, origin, change, errorCode, unknown } = message
  const all: [number, Buffer | undefined][] = [
    [attribute.changeRequest, change && encodeChange(change)],
    [attribute.errorCode, errorCode === undefined ? undefined : encodeErrorCode(errorCode)],
    [attribute.unknownAttributes, unknown && encodeUnknown(unknown)],
    [attribute.xorMappedAddress, mapped && encodeAddress(mapped, maskOf(id))],
    [attribute.responseOrigin, origin && encodeAddress(origin)],
    [attribute.otherAddress, other && encodeAddress(other)],
  ]
  return all.flatMap(([type, value]) => {
    if (value === undefined) return []
    const header = Buffer.alloc(4)
    header.writeUInt16BE(type, 0)
    header.writeUInt16BE(value.length, 2)
    return [header, value]
  })
}

/** Undefined if a length exceeds the message. */
function splitAttributes(bytes: Buffer): { type: number; value: Buffer }[] | undefined {
  const attributes: { type: number; value: Buffer }[] = []
  let at = 0
  while (at < bytes.length) {
    const length = bytes.readUInt16BE(at + 2)
    const end = at + 4 + length
    if (end > bytes.length) return undefined
    attributes.push({ type: bytes.readUInt16BE(at), value: bytes.subarray(at + 4, end) })
    at = (end + 3) & ~3
  }
  return attributes
}

/** Of repeated attributes the first counts. False if the value is invalid for its type. */
function decodeAttribute(message: StunMessage, type: number, value: Buffer, id: Buffer): boolean {
  switch (type) {
    case attribute.xorMappedAddress: {
      const mapped = decodeAddress(value, maskOf(id))
      // XOR-MAPPED-ADDRESS survives NATs that rewrite addresses in payloads, so it takes precedence.
      if (mapped) message.mapped = mapped
      return mapped !== undefined
    }
    case attribute.mappedAddress:
      message.mapped ??= decodeAddress(value)
      return message.mapped !== undefined
    case attribute.otherAddress:
      message.other ??= decodeAddress(value)
      return message.other !== undefined
    case attribute.responseOrigin:
      message.origin ??= decodeAddress(value)
      return message.origin !== undefined
    case attribute.changeRequest:
      message.change ??= decodeChange(value)
      return message.change !== undefined
    case attribute.errorCode:
      message.errorCode ??= decodeErrorCode(value)
      return message.errorCode !== undefined
    case attribute.unknownAttributes:
      message.unknown ??= decodeUnknown(value)
      return true
    default:
      if (message.kind === 'request' && type < firstOptional && !forAuthentication.includes(type))
        message.unknown = [...(message.unknown ?? []), type]
      return true
  }
}

/** Two bytes per type; attributes are padded to four bytes. */
function encodeUnknown(types: readonly number[]): Buffer {
  const value = Buffer.alloc(2 * types.length + (types.length % 2) * 2)
  for (const [at, type] of types.entries()) value.writeUInt16BE(type, 2 * at)
  return value
}

function decodeUnknown(value: Buffer): number[] {
  const types = Array.from({ length: value.length >> 1 }, (_, at) => value.readUInt16BE(2 * at))
  return types.filter((type) => type !== 0)
}

/** The bytes XORed with an XOR-MAPPED-ADDRESS: magic cookie and transaction id. */
function maskOf(id: Buffer): Buffer {
  const cookie = Buffer.alloc(4)
  cookie.writeUInt32BE(magicCookie)
  return Buffer.concat([cookie, id])
}

function encodeAddress({ address, port }: Address, mask: Buffer = Buffer.alloc(16)): Buffer {
  const ip = writeIp(address)
  const value = Buffer.alloc(4 + ip.length)
  value.writeUInt8(ip.length === 4 ? 1 : 2, 1)
  value.writeUInt16BE(port ^ mask.readUInt16BE(0), 2)
  xor(ip, mask).copy(value, 4)
  return value
}

function decodeAddress(value: Buffer, mask: Buffer = Buffer.alloc(16)): Address | undefined {
  const size = value.length === 8 ? 4 : 16
  if (value.length !== 4 + size || value.readUInt8(1) !== (size === 4 ? 1 : 2)) return undefined
  const port = value.readUInt16BE(2) ^ mask.readUInt16BE(0)
  return { address: readIp(xor(value.subarray(4), mask)), port }
}

function xor(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ (mask[at] ?? 0)))
}

function encodeChange({ address, port }: { address: boolean; port: boolean }): Buffer {
  const value = Buffer.alloc(4)
  value.writeUInt32BE((address ? changeAddress : 0) | (port ? changePort : 0))
  return value
}

function decodeChange(value: Buffer): { address: boolean; port: boolean } | undefined {
  if (value.length !== 4) return undefined
  const flags = value.readUInt32BE()
  return { address: (flags & changeAddress) !== 0, port: (flags & changePort) !== 0 }
}

/** Class (hundreds) and number in one byte each; the reason phrase is left out. */
function encodeErrorCode(code: number): Buffer {
  return Buffer.from([0, 0, Math.trunc(code / 100), code % 100])
}

function decodeErrorCode(value: Buffer): number | undefined {
  if (value.length < 4) return undefined
  const [hundreds, rest] = [value.readUInt8(2) & 7, value.readUInt8(3)]
  return hundreds >= 3 && hundreds <= 6 && rest < 100 ? hundreds * 100 + rest : undefined
}
