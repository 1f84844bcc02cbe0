import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, type ListenOptions } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError, controlApi, maxRelayMessageBytes } from '@plexd/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { authority, otherAuthority, serverCertificate, serverKey } from '../testing/certificates.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { openWebSocket, type WebSocketOptions } from './web-socket.ts'

const common = {
  userAgent: 'plexd/test',
  token: 'secret',
  params: { node_id: 'n_1', session_id: 'ses/1' },
}

const dial = (baseUrl: string, options: Partial<WebSocketOptions> = {}) =>
  openWebSocket(controlApi.relaySession, { ...common, baseUrl, ...options })

/** A server that answers every request for a WebSocket. */
async function serve(
  server: Server,
  onSocket: (socket: WebSocket, url: string, authorization: string) => void,
  listen: ListenOptions = { port: 0, host: '127.0.0.1' },
) {
  const sockets = new WebSocketServer({ server, maxPayload: maxRelayMessageBytes })
  sockets.on('connection', (socket, { url = '', headers }) =>
    onSocket(socket, url, headers.authorization ?? ''),
  )
  server.listen(listen)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo | null)?.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      server.close()
      await once(server, 'close')
    },
  }
}

const echo = (socket: WebSocket): void => {
  socket.on('message', (data) => socket.send(data))
}

describe('openWebSocket', () => {
  it('asks for the path of the row with the token, and takes what comes at once', async () => {
    await using server = await serve(createHttpServer(), (socket, url, authorization) =>
      socket.send(Buffer.from(`${url} ${authorization}`)),
    )
    const stream = await dial(`http://127.0.0.1:${server.port}/base`)
    const [first] = await once(stream, 'data')
    assert.equal(String(first), '/base/v1/nodes/n_1/sessions/ses%2F1/relay Bearer secret')
    stream.end()
    assert.deepEqual(await stream.whenClosed, { code: 1005, reason: '' })
  })

  it('sends long chunks in messages that the relay takes, and ends with what the other end says', async () => {
    let received = 0
    await using server = await serve(createHttpServer(), (socket) => {
      socket.on('message', (data: Buffer) => {
        received += data.length
        if (received === 1_000_000) socket.close(4100, 'enough')
      })
    })
    const stream = await dial(`http://127.0.0.1:${server.port}`)
    stream.write(Buffer.alloc(1_000_000))
    assert.deepEqual(await stream.resume().whenClosed, { code: 4100, reason: 'enough' })
  })

  it('sends what is written at once as one message, and no more than the relay takes', async () => {
    const lengths: number[] = []
    await using server = await serve(createHttpServer(), (socket) => {
      socket.on('message', (data: Buffer) => lengths.push(data.length))
    })
    const stream = await dial(`http://127.0.0.1:${server.port}`)
    for (const size of [4, 1_000, 16, maxRelayMessageBytes]) {
      const { promise: sent, resolve } = Promise.withResolvers<void>()
      stream.cork()
      for (let part = 0; part < 3; part++) stream.write(Buffer.alloc(size), () => resolve())
      stream.uncork()
      await sent
    }
    stream.end()
    await stream.whenClosed
    assert.deepEqual(lengths, [12, 3_000, 48, ...Array(3).fill(maxRelayMessageBytes)])
  })

  it('closes after what was sent, when the other end closes or is lost', async () => {
    for (const leave of ['close', 'terminate'] as const) {
      await using server = await serve(createHttpServer(), (socket) => {
        socket.send(Buffer.from('last'), () => socket[leave]())
      })
      const stream = await dial(`http://127.0.0.1:${server.port}`)
      let read = ''
      stream.on('data', (bytes) => {
        read += bytes
      })
      await once(stream, 'close')
      assert.equal(read, 'last')
    }
  })

  it('rejects with the error of the answer', async () => {
    const refusing = createHttpServer((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/json' })
      response.end('{"error":"it has ended","code":"conflict"}')
    })
    refusing.on('upgrade', (request, socket) => {
      socket.end(
        'HTTP/1.1 409 Conflict\r\nconnection: close\r\n\r\n{"error":"it has ended","code":"conflict"}',
      )
      request.resume()
    })
    refusing.listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    const { port } = refusing.address() as AddressInfo
    await assert.rejects(
      dial(`http://127.0.0.1:${port}`),
      (error) => error instanceof ApiError && error.status === 409 && /ended/.test(error.message),
    )
    refusing.close()
    await assert.rejects(dial(`http://127.0.0.1:${port}`), { code: 'ECONNREFUSED' })
  })

  it('trusts the CA of the file, and no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-web-socket-'))
    const tls = createHttpsServer({ cert: serverCertificate, key: serverKey })
    await using server = await serve(tls, echo)
    for (const [name, pem] of Object.entries({ authority, otherAuthority }))
      await writeFile(join(folder, name), pem)
    const url = `https://127.0.0.1:${server.port}`
    const stream = await dial(url, { caFile: join(folder, 'authority') })
    stream.write('hello')
    assert.equal(String((await once(stream, 'data'))[0]), 'hello')
    stream.destroy()
    await assert.rejects(dial(url, { caFile: join(folder, 'otherAuthority') }), /certificate/)
    await rm(folder, { recursive: true })
  })

  it('goes through a proxy, and over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-web-socket-'))
    const ca = join(folder, 'ca')
    await writeFile(ca, authority)
    const tls = createHttpsServer({ cert: serverCertificate, key: serverKey })
    await using server = await serve(tls, echo)
    const asked: string[] = []
    const proxy = createHttpServer().on('connect', ({ url = '' }, socket) => {
      asked.push(url)
      const target = connect(Number(server.port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(target).pipe(socket)
      })
      for (const one of [socket, target]) one.on('error', () => {})
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const tunnelled = await dial(`https://127.0.0.1:${server.port}`, { caFile: ca, proxyUrl })
    tunnelled.write('hello')
    assert.equal(String((await once(tunnelled, 'data'))[0]), 'hello')
    assert.deepEqual(asked, [`127.0.0.1:${server.port}`])
    tunnelled.destroy()
    proxy.close()

    const path = join(folder, 'a:b.sock')
    await using local = await serve(createHttpServer(), echo, { path })
    void local
    const stream = await dial(`unix://${path}`)
    stream.write('hello')
    assert.equal(String((await once(stream, 'data'))[0]), 'hello')
    stream.destroy()
    await stream.whenClosed
    await rm(folder, { recursive: true })
  })

  it('slows the other end down while nobody reads', async () => {
    let sent = 0
    const { promise: full, resolve } = Promise.withResolvers<void>()
    await using server = await serve(createHttpServer(), (socket) => {
      const piece = Buffer.alloc(maxRelayMessageBytes)
      // The kernel takes a few megabytes.
      while (socket.bufferedAmount < 32 * 1024 ** 2) {
        socket.send(piece)
        sent += piece.length
      }
      setImmediate(resolve)
    })
    const stream = await dial(`http://127.0.0.1:${server.port}`)
    await full
    assert.ok(stream.readableLength < 1024 ** 2)
    let received = 0
    for await (const part of stream) {
      received += (part as Buffer).length
      if (received === sent) break
    }
    assert.equal(received, sent)
  })

  it('gives up when the other end is silent, and when it is told to', async () => {
    await using server = await serve(createHttpServer(), () => {})
    const clock = createFakeClock()
    const silent = await dial(`http://127.0.0.1:${server.port}`, { clock })
    silent.on('error', () => {})
    await clock.advance(100_000)
    assert.equal((await silent.whenClosed).code, 1006)
    const stop = new AbortController()
    const stopped = await dial(`http://127.0.0.1:${server.port}`, { signal: stop.signal })
    stopped.on('error', () => {})
    stop.abort()
    assert.equal((await stopped.whenClosed).code, 1006)
    await assert.rejects(dial(`http://127.0.0.1:${server.port}`, { signal: stop.signal }))
  })
})
