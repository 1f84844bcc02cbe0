import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { freePort, until } from '@plexd/runtime/testing'
import { createForwarder } from './forwarder.ts'
import { linkHeader } from './link-header.ts'
import { markBytes } from './marks.ts'

const key = createSecretKey(Buffer.alloc(32, 1))
const headerBytes = linkHeader(key, {}, Buffer.alloc(markBytes)).length

async function serve(take: (socket: Socket) => void, allowHalfOpen = true) {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen }, (socket) => {
    sockets.add(socket.on('error', () => {}))
    take(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of TCP
  return {
    link: { host: '127.0.0.1', port, key },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers with what came behind the header. */
const hello = (name: string) => (socket: Socket) => {
  let text = ''
  socket.setEncoding('latin1').on('data', (data: string) => {
    text += data
    if (text.endsWith('.')) socket.end(`${name} was told ${text.slice(headerBytes)}`)
  })
}

async function startForwarding(patienceMs?: number) {
  const forwarder = createForwarder(patienceMs === undefined ? {} : { patienceMs })
  // A server of TLS ends what its client has ended.
  const front = await serve((client) => forwarder.take(client, () => client.end('nobody')), false)
  return {
    forwarder,
    async ask(words: string): Promise<string> {
      const socket = connect(front.link)
      socket.write(words)
      return text(socket)
    },
    connect: () => connect(front.link).on('error', () => {}),
    async [Symbol.asyncDispose]() {
      forwarder[Symbol.dispose]()
      await front[Symbol.asyncDispose]()
    },
  }
}

describe('createForwarder', () => {
  it('passes a connection on behind a header', async () => {
    await using one = await serve(hello('one'))
    await using it = await startForwarding()
    it.forwarder.to(one.link)

    assert.equal(await it.ask('hello.'), 'one was told hello.')
    await until('it is over', () => it.forwarder.count() === 0)
  })

  it('passes megabytes on in both directions, at the pace of who reads', async () => {
    const bytes = 8 * 1024 * 1024
    await using echo = await serve((socket) => void socket.pipe(socket))
    await using it = await startForwarding()
    it.forwarder.to(echo.link)
    const socket = it.connect()
    socket.end(Buffer.alloc(bytes, 'x'))

    assert.equal((await buffer(socket)).length, bytes + headerBytes)
  })

  it('gives it to another when nobody serves, or who served is not there', async () => {
    await using it = await startForwarding()
    assert.equal(await it.ask('hello.'), 'nobody')
    it.forwarder.to({ host: '127.0.0.1', port: await freePort(), key })
    assert.equal(await it.ask('hello.'), 'nobody')
    assert.equal(it.forwarder.count(), 0)
  })

  it('cuts connections to the one before when another serves, and none when it is the same', async () => {
    await using one = await serve(() => {})
    await using two = await serve(hello('two'))
    await using it = await startForwarding()
    it.forwarder.to(one.link)
    const socket = it.connect()
    await until('it is passed on', () => it.forwarder.count() === 1)
    it.forwarder.to({ ...one.link })
    assert.equal(it.forwarder.count(), 1)
    const closed = once(socket, 'close')
    it.forwarder.to(two.link)

    await closed
    assert.equal(await it.ask('hello.'), 'two was told hello.')
  })

  it('cuts one that is accepted and never answered, and none that was answered once', async () => {
    const quiet: Socket[] = []
    await using stranger = await serve((socket) => void socket.resume())
    await using streams = await serve((socket) => {
      quiet.push(socket)
      socket.write('begun')
    })
    await using it = await startForwarding(200)
    it.forwarder.to(streams.link)
    const stream = it.connect()
    assert.equal(String(await once(stream, 'data')), 'begun')
    await using other = await startForwarding(200)
    other.forwarder.to(stranger.link)
    const unanswered = other.connect()
    unanswered.write('hello.')
    await once(unanswered, 'close')
    await until('it is forgotten', () => other.forwarder.count() === 0)

    assert.equal(it.forwarder.count(), 1)
    const said = once(stream, 'data')
    quiet[0]?.write('later')
    assert.equal(String((await said)[0]), 'later')
  })

  it('ends a connection with the one that served it', async () => {
    const served: Socket[] = []
    await using one = await serve((socket) => void served.push(socket))
    await using it = await startForwarding()
    it.forwarder.to(one.link)
    const socket = it.connect()
    await until('it is there', () => served.length === 1)
    const closed = once(socket, 'close')
    served[0]?.resetAndDestroy()

    await closed
    await until('it is forgotten', () => it.forwarder.count() === 0)
  })
})
