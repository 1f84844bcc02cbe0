/**
 * Attackers on eight addresses of this machine, without a credential. The argument is a StrangerOrder as JSON; at the end
 * it prints how often each attack was made.
 */
import { createSocket } from 'node:dgram'
import { connect as connectPlain, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { encodeStun } from '@plexd/runtime'

export interface StrangerOrder {
  host: string
  port: number
  stunPort: number
  seconds: number
}

const order = JSON.parse(process.argv[2] ?? '{}') as StrangerOrder // as the bench writes it
const endMs = performance.now() + order.seconds * 1_000
const counts: Record<string, number> = {}
const open = new Set<Socket>()

const bomb = gzipSync(Buffer.alloc(1024 * 1024, ' '))
const deep = '['.repeat(60_000)

/** What is sent over a TLS connection of its own, and whether that stays open. */
const requests: Record<string, { text: string | Buffer; stays?: boolean }> = {
  'half a request': { text: 'GET /v1/ping HTTP/1.1\r\nhost: x\r\n', stays: true },
  'half a body': { text: post('{"token":', 60_000), stays: true },
  'a packed registration': {
    text: Buffer.concat([Buffer.from(post('', bomb.length, 'content-encoding: gzip\r\n')), bomb]),
  },
  'a deep registration': { text: post(deep, deep.length) },
  'a wrong token': { text: get('/v1/nodes/n_x/state', 'authorization: Bearer wrong\r\n') },
  'a wrong admin token': { text: get('/admin/v1/nodes', 'authorization: Bearer wrong\r\n') },
  '300 documents at once': { text: get('/openapi.json').repeat(300) },
  '1,000 pings at once': { text: get('/v1/ping').repeat(1_000) },
  'what is no request': { text: '\u0000\u0001\u0002 hello\r\n\r\n' },
}

await Promise.all([
  ...Array.from({ length: 8 }, (_, index) => stranger(`127.0.1.${index + 2}`)),
  delay(order.seconds * 1_000),
])
for (const socket of open) socket.destroy()
process.stdout.write(`${JSON.stringify(counts)}\n`)

async function stranger(localAddress: string): Promise<void> {
  const udp = createSocket('udp4').bind(0, localAddress).unref()
  const question = encodeStun({ kind: 'request', transactionId: '000102030405060708090a0b' })
  udp.on('error', () => {})
  let silent = 0
  while (performance.now() < endMs) {
    for (; silent < 100; silent++) {
      const socket = keep(connectPlain({ host: order.host, port: order.port, localAddress }))
      socket.once('close', () => silent--)
      count('a silent connection')
    }
    for (const [what, { text, stays = false }] of Object.entries(requests))
      send(what, text, { localAddress, stays })
    for (let asked = 0; asked < 20; asked++) {
      udp.send(question, order.stunPort, order.host)
      count('a STUN question')
    }
    await delay(250)
  }
  udp.close()
}

function send(
  what: string,
  text: string | Buffer,
  { localAddress, stays }: { localAddress: string; stays: boolean },
): void {
  // The types of `tls.connect` lack it.
  const from = { localAddress }
  const { host, port } = order
  const socket = connectTls({ host, port, rejectUnauthorized: false, ...from })
  keep(socket)
  socket.once('secureConnect', () => {
    count(what)
    socket.write(text)
    socket.resume()
    if (!stays) setTimeout(() => socket.destroy(), 2_000).unref()
  })
}

function keep<S extends Socket>(socket: S): S {
  open.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => open.delete(socket))
  return socket
}

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`
}

function post(body: string, length: number, headers = ''): string {
  return `POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}content-length: ${length}\r\n\r\n${body}`
}
