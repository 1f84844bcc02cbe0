import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import type { ServerChannel } from 'ssh2'
import { serveForward } from './forward-channel.ts'
import type { SessionPlace } from './session-place.ts'

/** A service that goes on sending, whatever its client has ended. */
async function startTalker() {
  const taken: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    taken.push(socket)
    socket.on('error', () => {}).resume()
    socket.write('hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port, // of a TCP server
    [Symbol.dispose]() {
      server.close()
      for (const socket of taken) socket.destroy()
    },
  }
}

describe('serveForward', () => {
  it('closes the connection when the client closes the channel, though the service does not', async () => {
    using talker = await startTalker()
    const { promise: shown, resolve: show } = Promise.withResolvers<void>()
    const stream = new Duplex({
      read() {},
      write(_bytes, _encoding, done) {
        done()
        show()
      },
    })
    const channel = Object.assign(stream, { eof() {} }) as unknown as ServerChannel
    const socket = connect(talker.port, '127.0.0.1')
    await once(socket, 'connect')
    const place = {
      claims: { forward: ['*:*'] },
      dial: async () => socket,
      count() {},
      ended: new AbortController().signal,
      out: { untilRoom: async () => {}, together: (send: () => void) => send() },
    } as unknown as SessionPlace
    const served = serveForward(
      { accept: () => channel, reject() {} },
      { host: '127.0.0.1', port: talker.port, number: 1 },
      { place, refusals: { next() {} } },
    )
    await shown
    channel.destroy()
    await served
    assert.ok(socket.destroyed)
  })
})
