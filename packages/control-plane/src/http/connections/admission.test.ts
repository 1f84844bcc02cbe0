import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import { describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { resolveLimits } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { limits } from '../../limits.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { loadTls } from '../../tls/authority.ts'
import {
  type Admission,
  type AdmissionOptions,
  createAdmission,
  type Refusal,
} from './admission.ts'

interface Guarded extends AsyncDisposable {
  server: Server
  admission: Admission
  refusals: Refusal[]
  /** Many that connect and say nothing. */
  silent(count: number): Promise<Socket[]>
  /** Sends a request, proves itself when its path is `/known`, and resolves to the answer. */
  ask(path?: string): Promise<string>
  /** A stream of someone who is known. */
  openStream(): Promise<TLSSocket>
}

async function guarded(
  given: Partial<Record<keyof typeof limits, number>> = {},
  options: Partial<AdmissionOptions> = {},
): Promise<Guarded> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await makeTemporaryFolder())
  const { cert, key } = await loadTls({ dataDir: folder.path, listenHost: '127.0.0.1' })
  const ca = await readFile(join(folder.path, 'ca.crt'))
  const refusals: Refusal[] = []
  const admission = createAdmission({
    limits: resolveLimits(limits, given),
    descriptors: 100_000,
    onRefused: (reason) => refusals.push(reason),
    ...options,
  })
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url === '/known' || request.url === '/stream') admission.prove(request)
    response.write('in')
    if (request.url !== '/stream') response.end()
  })
  admission.guard(server, 'tls')
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  const sockets: Socket[] = []
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })

  async function send(path: string): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', ca })
    sockets.push(socket.on('error', () => {}))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    return socket
  }
  const opened = stack.move()
  return {
    server,
    admission,
    refusals,
    async silent(count) {
      const some = Array.from({ length: count }, () => connectPlain(port, '127.0.0.1'))
      sockets.push(...some.map((socket) => socket.on('error', () => {})))
      await Promise.all(some.map((socket) => once(socket, 'connect')))
      return some
    },
    async ask(path = '/') {
      const chunks = await Array.fromAsync((await send(path)) as AsyncIterable<Buffer>)
      return Buffer.concat(chunks).toString()
    },
    async openStream() {
      const socket = await send('/stream')
      await once(socket, 'data')
      return socket
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What a client of TLS says first. */
async function realHello(): Promise<Buffer> {
  const [near, far] = duplexPair()
  const client = connect({ socket: near }).on('error', () => {})
  const [hello] = await once(far, 'data')
  client.destroy()
  return hello
}

describe('createAdmission', () => {
  it('keeps nobody waiting behind those who never begin', async () => {
    await using it = await guarded({ handshakes: 1 })
    await it.silent(300)
    const startMs = performance.now()
    assert.match(await it.ask(), /200 OK/)
    // Each of them had the slot for half a second.
    assert.ok(performance.now() - startMs < 30_000)
  })

  it('lets everyone in who begins', async () => {
    await using it = await guarded({ handshakes: 2 })
    const answers = await Promise.all(Array.from({ length: 40 }, () => it.ask()))
    assert.ok(answers.every((answer) => answer.includes('200 OK')))
  })

  it('closes who says nothing in time, and counts it', async () => {
    await using it = await guarded({ silent_connection_ms: 100 })
    const silent = await it.silent(5)
    await Promise.all(silent.map((socket) => socket.closed || once(socket, 'close')))
    assert.deepEqual(it.refusals, Array(5).fill('silent'))
    assert.equal(it.admission.count(), 0)
  })

  it('closes the silent ones when there are too many, and nobody who is known', async () => {
    await using it = await guarded({ connections: 20 })
    const stream = await it.openStream()
    const silent = await it.silent(60)
    assert.match(await it.ask('/known'), /200 OK/)
    assert.ok(it.admission.count() <= 20)
    assert.ok(silent.filter(({ closed, destroyed }) => closed || destroyed).length <= 60)
    assert.equal(stream.closed, false)
    assert.ok(it.refusals.filter((reason) => reason === 'too_many').length >= 40)
  })

  it('keeps nobody waiting behind the half hellos of the same address, and closes those in time', async () => {
    await using it = await guarded({ handshakes: 1, silent_connection_ms: 3_000 })
    const hello = await realHello()
    const some = await it.silent(300)
    for (const [index, socket] of some.entries())
      socket.write(hello.subarray(0, 1 + (index % (hello.length - 1))))
    await until('all have come', () => it.admission.count() === 300)
    assert.match(await it.ask(), /200 OK/)
    assert.ok(some.every(({ closed }) => !closed))
    await Promise.all(some.map((socket) => socket.closed || once(socket, 'close')))
    assert.deepEqual(it.refusals, Array(300).fill('silent'))
  })

  it('lets the newest of an address begin first, whatever the others do not go on with', async () => {
    await using it = await guarded({ handshakes: 1 })
    const hello = await realHello()
    const some = await it.silent(300)
    let begun = 0
    for (const socket of some) {
      socket.on('data', () => begun++)
      socket.write(hello)
    }
    await until('one has the only slot', () => begun > 0)
    assert.match(await it.ask(), /200 OK/)
    assert.ok(begun < 300, `${begun} began before`)
  })

  it('serves who sends its hello byte by byte', async () => {
    await using it = await guarded()
    const [socket] = await it.silent(1)
    assert.ok(socket)
    socket.setNoDelay(true)
    const answered = once(socket, 'data')
    for (const byte of await realHello()) {
      socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    assert.equal((await answered)[0][0], 0x16)
  })

  it('closes those who have waited longest when too many do', async () => {
    await using it = await guarded({ handshakes: 1, handshake_queue: 3 })
    const hello = await realHello()
    const some = await it.silent(10)
    for (const socket of some) socket.write(hello)
    await until('too many wait', () => it.refusals.length === 6)
    assert.deepEqual(it.refusals, Array(6).fill('crowded'))
  })

  it('closes who sends more than a ClientHello before it is asked', async () => {
    await using it = await guarded({ handshakes: 1 })
    const [first, greedy] = await it.silent(2)
    first?.write('\x16')
    greedy?.write(Buffer.alloc(60_000, '\x16'))
    await once(greedy as Socket, 'close')
  })

  it('closes who has not begun yet when the server ends, and nobody whom that knows', async () => {
    await using it = await guarded()
    const stream = await it.openStream()
    const [silent, begun] = await it.silent(2)
    begun?.write('\x16')
    await until('they are there', () => it.admission.count() === 3)
    it.admission.cut()
    await until('they are gone', () => it.admission.count() === 1)
    assert.equal(stream.closed, false)
    for (const socket of [silent, begun]) socket?.destroy()
  })

  it('lets fewer in where each has a second descriptor, as it is passed on', async () => {
    let count = 0
    const passOn = () => void count++
    await using it = await guarded({}, { descriptors: 100, passOn, passedOn: () => count })
    await it.silent(60)
    await until('all have come', () => it.refusals.length + it.admission.count() === 60)
    // Nine tenths of 100 without one for each, less 64.
    assert.ok(it.admission.count() < 20, `${it.admission.count()}`)
    assert.ok(it.refusals.every((reason) => reason === 'too_many'))
  })
})
