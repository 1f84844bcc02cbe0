/**
 * Sends requests over keep-alive connections as fast as they are answered, one at a time on each connection.
 * `load.ts '<LoadOrder as JSON>'` prints a LoadResult.
 */
import { connect, type Socket } from 'node:net'
import { type Quantiles, quantiles } from '../quantiles.ts'

export interface LoadOrder {
  /** Path of a Unix socket. */
  to: string
  connections: number
  seconds: number
  method: string
  /** `#` becomes the number of the connection. */
  path: string
  body?: string
  /** One more line of the head. */
  header?: string
  /** How answers must begin, as `HTTP/1.1 200`. */
  wants: string
}

/** How long requests took, in milliseconds. */
export interface LoadResult extends Quantiles {
  perSecond: number
  /** All answers, including those while warming up. */
  all: number
  /** First lines of other answers. */
  wrong: string[]
}

const order: LoadOrder = JSON.parse(process.argv[2] ?? '{}')
const times: number[] = []
const wrong = new Set<string>()
const warmUpMs = Math.min(500, order.seconds * 500)
let all = 0
let counting = false
let over = false

await Promise.all(Array.from({ length: order.connections }, (_, index) => run(index)))
const perSecond = times.length / order.seconds
const result: LoadResult = { ...quantiles(times), perSecond, all, wrong: [...wrong] }
process.stdout.write(JSON.stringify(result))

/** What warms up does not count. At least one answer counts, however long it takes. */
async function run(index: number): Promise<void> {
  const socket = connect(order.to)
  const request = requestOf(index)
  const done = Promise.withResolvers<void>()
  let sentMs = performance.now()
  readAnswers(socket, (head) => {
    const now = performance.now()
    if (!head.startsWith(order.wants)) wrong.add(head.slice(0, head.indexOf('\r\n')))
    all++
    if (counting) times.push(now - sentMs)
    if (over && times.length > 0) {
      socket.destroy()
      done.resolve()
      return
    }
    sentMs = now
    socket.write(request)
  })
  socket.on('error', done.reject)
  socket.on('end', () => done.reject(new Error('the server closed the connection')))
  socket.on('connect', () => {
    sentMs = performance.now()
    socket.write(request)
  })
  if (index === 0) {
    setTimeout(() => {
      counting = true
    }, warmUpMs)
    setTimeout(
      () => {
        over = true
      },
      warmUpMs + order.seconds * 1_000,
    )
  }
  await done.promise
}

function requestOf(index: number): Buffer {
  const { method, path, body = '', header } = order
  const lines = [`${method} ${path.replace('#', String(index))} HTTP/1.1`, 'Host: localhost']
  if (header !== undefined) lines.push(header)
  if (body !== '')
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/**
 * Calls back with the head of each answer when all of it is there. A chunk as long as the last answer is taken for the
 * same answer without being parsed: the client must cost less than the server.
 */
function readAnswers(socket: Socket, onAnswer: (head: string) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  let last = { head: '', length: -1 }
  socket.on('data', (chunk: Buffer) => {
    if (rest.length === 0 && chunk.length === last.length) return onAnswer(last.head)
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = rest.toString('latin1', 0, end + 2)
      const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
      const whole = end + 4 + Number(length)
      if (rest.length < whole) return
      rest = rest.subarray(whole)
      // Only a good one is worth remembering.
      if (head.startsWith(order.wants)) last = { head, length: whole }
      onAnswer(head)
    }
  })
}
