import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import type { FastifyReply } from 'fastify'
import { openSse, type SseStream } from './sse.ts'

describe('a stream of server-sent events', () => {
  it('keeps a reader that reads, and cuts one off that has taken nothing for too long', async () => {
    let nowMs = 0
    await using server = await listen((reply) => openSse(reply, () => nowMs))
    const [read, readResponse] = await server.connect()
    const [unread, unreadResponse] = await server.connect()
    const ended = once(unreadResponse, 'error')
    readResponse.resume()
    const megabyte = 'x'.repeat(2 ** 20)
    // More than the buffers of the kernel hold.
    for (let sent = 0; sent < 32; sent++) await read.write(megabyte)
    for (let sent = 0; sent < 32; sent++) void unread.write(megabyte)?.catch(() => {})

    nowMs = 5_000
    for (const stream of [read, unread]) stream.keepAlive(5_000)
    assert.deepEqual([readResponse.destroyed, unreadResponse.destroyed], [false, false])
    nowMs = 5_001
    for (const stream of [read, unread]) stream.keepAlive(5_000)
    unreadResponse.resume()
    await ended
    assert.equal(readResponse.destroyed, false)
  })
})

interface Server extends AsyncDisposable {
  connect(): Promise<[SseStream, http.IncomingMessage]>
}

async function listen(open: (reply: FastifyReply) => SseStream): Promise<Server> {
  const opened: SseStream[] = []
  const server = http.createServer((_, raw) => {
    const reply = { hijack: () => ({ raw }) } as unknown as FastifyReply // all that a stream uses of it
    opened.push(open(reply))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // of a TCP server
  return {
    async connect() {
      const request = http.get({ port, host: '127.0.0.1', agent: false })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      const stream = opened.at(-1)
      if (!stream) throw new Error('the server has opened no stream')
      return [stream, response]
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
