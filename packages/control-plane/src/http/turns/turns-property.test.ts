import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { authority, serve, until } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { takeTurns } from './turns.ts'

/** What is asked for in the path, so that the server need not remember anything. */
interface Asked {
  /** Undefined: GET. */
  bodyBytes: number | undefined
  isChunked: boolean
  answerBytes: number
  /** In how many turns of the event loop it is answered. */
  turns: number
  /** Whether it is answered without a look at its body. */
  isEarly: boolean
}

const bytes = fc.oneof(fc.nat(100), fc.nat(5_000), fc.nat(100_000))
const asked: fc.Arbitrary<Asked> = fc.record({
  bodyBytes: fc.option(bytes, { nil: undefined }),
  isChunked: fc.boolean(),
  answerBytes: bytes,
  turns: fc.nat(3),
  isEarly: fc.boolean(),
})
/** How the requests are cut on their way, and in how many steps what comes back is read. */
const way = fc.record({
  cuts: fc.array(fc.oneof(fc.nat(50), fc.nat(3_000), fc.nat(70_000)), { maxLength: 20 }),
  readerRests: fc.nat(5),
})

describe('requests that are sent ahead of their answers', () => {
  for (const protocol of ['TLS', 'TCP'] as const)
    it(`are each answered once, in order, with their own answer, over ${protocol}`, async () => {
      await using server = await serveInTurns(protocol)
      await fc.assert(
        fc.asyncProperty(
          fc.array(asked, { minLength: 1, maxLength: 12 }),
          way,
          async (all, how) => {
            const sent = Buffer.concat(all.map(requestOf))
            const text = await exchange(await server.open(), sent, how)
            assert.deepEqual(bodiesOf(text), all.map(answerTo))
          },
        ),
        { numRuns: 60 },
      )
    })

  it('wait in the socket of their sender, not in the memory of the server', async () => {
    await using server = await serveInTurns('TCP', () => undefined) // it answers nobody
    const sender = await server.open()
    const requested = once(server.server, 'request')
    sender.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50_000))
    const [{ socket }] = (await requested) as [IncomingMessage]
    const isEnough = () => socket.isPaused() || server.taken() >= 100
    await until('no more is read, or too much was', isEnough, 20_000, 0)
    assert.ok(server.taken() <= 12, `${server.taken()} were taken`)
    sender.destroy()
  })

  it('are read on in large pieces when they were answered before their end', async () => {
    let pieces = 0
    await using server = await serveInTurns('TCP', (request, response) => {
      request.on('data', () => pieces++)
      response.end('no')
    })
    const sender = await server.open()
    const requested = once(server.server, 'request')
    const emptyLines = '\r\n'.repeat(32 * 1024)
    sender.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${emptyLines.length}\r\n\r\n`)
    const [request] = (await requested) as [IncomingMessage]
    await once(sender, 'data')
    sender.write(emptyLines)
    await once(request, 'end')
    // One for each 256 bytes, and for each read.
    assert.ok(pieces > 0 && pieces < 400, `the parser got ${pieces} pieces`)
    sender.destroy()
  })
})

function requestOf({ bodyBytes, isChunked, ...rest }: Asked): Buffer {
  const method = bodyBytes === undefined ? 'GET' : 'POST'
  const head = `${method} /${JSON.stringify(rest).replaceAll('"', "'")} HTTP/1.1\r\nHost: x\r\n`
  if (bodyBytes === undefined) return Buffer.from(`${head}\r\n`)
  // Empty lines are where requests are told apart.
  const body = 'a\r\n\r\nb-'.repeat(bodyBytes / 7 + 1).slice(0, bodyBytes)
  if (!isChunked) return Buffer.from(`${head}Content-Length: ${bodyBytes}\r\n\r\n${body}`)
  const half = body.slice(0, bodyBytes / 2)
  const chunks = [half, body.slice(half.length), ''].map((chunk, index) =>
    chunk !== '' || index === 2 ? `${chunk.length.toString(16)}\r\n${chunk}\r\n` : '',
  )
  return Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}`)
}

/** What it read, and filling. */
function answerTo({ bodyBytes = 0, answerBytes, isEarly }: Asked): string {
  return `${isEarly ? '-' : bodyBytes} ${'x'.repeat(answerBytes)}`
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = JSON.parse((request.url ?? '').slice(1).replaceAll("'", '"')) as Asked // as requestOf writes it
  let bodyBytes = 0
  if (!asked.isEarly) for await (const chunk of request) bodyBytes += (chunk as Buffer).length
  for (let turn = 0; turn < asked.turns; turn++) await new Promise(setImmediate)
  const text = answerTo({ ...asked, bodyBytes })
  response.writeHead(200, { 'content-length': text.length })
  response.end(text)
}

const answerAll: RequestListener = (request, response) => {
  // One that is cut off needs no answer.
  answer(request, response).catch(() => response.destroy())
}

async function serveInTurns(protocol: 'TLS' | 'TCP', listener = answerAll) {
  let taken = 0
  const served = await serve(listener, { tls: protocol === 'TLS' })
  const { server, port } = served
  takeTurns(server)
  server.on('request', () => taken++)
  return {
    server,
    /** Requests that Node's parser has read. */
    taken: () => taken,
    async open(): Promise<Socket> {
      const socket =
        protocol === 'TLS'
          ? connectTls({ host: '127.0.0.1', port, ca: authority })
          : connect(port, '127.0.0.1')
      await once(socket, protocol === 'TLS' ? 'secureConnect' : 'connect')
      return socket
    },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  }
}

interface Way {
  cuts: readonly number[]
  readerRests: number
}

/** All that comes back, until the server has ended the connection behind the last answer. */
async function exchange(socket: Socket, sent: Buffer, { cuts, readerRests }: Way): Promise<string> {
  let text = ''
  let rests = readerRests
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
    if (rests-- <= 0) return
    socket.pause()
    setTimeout(() => socket.resume(), 2)
  })
  const closed = once(socket, 'close')
  let at = 0
  for (const cut of cuts) {
    socket.write(sent.subarray(at, at + cut))
    at += cut
    await new Promise(setImmediate)
  }
  socket.write(sent.subarray(at))
  socket.write('GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await closed
  return text
}

/** The bodies of the answers, but for the one that ends the connection; whatever is no good answer stands as it is. */
function bodiesOf(text: string): string[] {
  const bodies: string[] = []
  for (let rest = text; rest !== ''; ) {
    const [head, length] =
      /^HTTP\/1\.1 200 OK\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n/is.exec(rest) ?? []
    if (head === undefined) return [...bodies, rest.slice(0, 200)]
    bodies.push(rest.slice(head.length, head.length + Number(length)))
    rest = rest.slice(head.length + Number(length))
  }
  return bodies.slice(0, -1)
}
