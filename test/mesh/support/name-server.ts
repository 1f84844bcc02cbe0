/**
 * A name server as a program: answers on UDP port 53 of an address with the IPv4 addresses that it is given as JSON, name
 * by name, and knows no other name. Prints that it listens, then each name that it is asked for.
 */
import { createSocket } from 'node:dgram'

const [address = '', known = '{}'] = process.argv.slice(2)
const addresses: Record<string, string> = JSON.parse(known)
const socket = createSocket('udp4')

socket.on('message', (question, { port, address }) => {
  const { name, type, end } = readQuestion(question)
  console.log(name)
  const found = addresses[name]
  socket.send(
    answerTo(question.subarray(0, end), type === 1 ? found : undefined, found !== undefined),
    port,
    address,
  )
})
socket.bind(53, address, () => console.log('listens'))

/** RFC 1035 section 4.1.2. */
function readQuestion(bytes: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), type: bytes.readUInt16BE(at + 1), end: at + 5 }
}

function answerTo(question: Buffer, address: string | undefined, isKnown: boolean): Buffer {
  const head = Buffer.from(question)
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2) // the latter: there is no such name
  head.writeUInt16BE(address === undefined ? 0 : 1, 6)
  head.writeUInt32BE(0, 8)
  if (address === undefined) return head
  // The name of the question, an A record for a minute.
  const record = Buffer.from('c00c000100010000003c0004', 'hex')
  return Buffer.concat([head, record, Buffer.from(address.split('.').map(Number))])
}
