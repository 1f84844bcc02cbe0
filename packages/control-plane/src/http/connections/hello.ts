const handshakeRecord = 22
const clientHello = 1
/** Type, version and length. */
const recordHeadBytes = 5
/** Type and length. */
const messageHeadBytes = 4

/**
 * How many bytes are missing at least until a ClientHello is whole, which may be cut into several records (RFC 8446, sections 4 and 5.1). 0 of
 * one that is whole, and of what is none: that is for TLS to judge. Pure.
 */
export function helloWants(bytes: Buffer): number {
  const head: number[] = []
  let messageBytes = 0
  for (let at = 0; ; ) {
    const recordHead = bytes.subarray(at, at + recordHeadBytes)
    if (recordHead.length > 0 && recordHead[0] !== handshakeRecord) return 0
    if (recordHead.length < recordHeadBytes) return recordHeadBytes - recordHead.length
    const length = recordHead.readUInt16BE(3)
    if (length === 0) return 0
    const content = bytes.subarray(at + recordHeadBytes, at + recordHeadBytes + length)
    if (content.length < length) return length - content.length
    head.push(...content.subarray(0, messageHeadBytes - head.length))
    messageBytes += length
    if (head[0] !== clientHello || messageBytes >= wholeBytes(head)) return 0
    at += recordHeadBytes + length
  }
}

/** Of the message that begins so. */
function wholeBytes(head: readonly number[]): number {
  if (head.length < messageHeadBytes) return messageHeadBytes
  const [, high = 0, middle = 0, low = 0] = head
  return messageHeadBytes + high * 65_536 + middle * 256 + low
}
