import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '@plexd/protocol'
import { serve, until } from '@plexd/runtime/testing'
import { createStreamConnector } from './connection.ts'

describe('createStreamConnector', () => {
  it('sends who it is and where it stands', async () => {
    await using server = await startServer((_request, response) => response.end())
    await drain(await server.connect({ lastEventId: '1-7' }))
    await drain(await server.connect({ lastEventId: '' }))

    assert.equal(server.requests[0]?.url, '/prefix/v1/nodes/n%2F1/events')
    assert.partialDeepStrictEqual(server.requests[0]?.headers, {
      accept: 'text/event-stream',
      authorization: 'Bearer secret',
      'last-event-id': '1-7',
    })
    assert.equal(server.requests[1]?.headers['last-event-id'], undefined)
  })

  it('stays as long as there is a sign of life, and gives up on silence', async () => {
    let pingedMs = 0
    await using server = await startServer(async (_request, response) => {
      for (let times = 0; times < 12; times++) {
        response.write(': ping\n\n')
        pingedMs = performance.now()
        await delay(100)
      }
    })
    const connection = await server.connect({ idleMs: 1_000 })
    await assert.rejects(drain(connection), /no byte from the control plane for 1 s/)
    // A timer may be a millisecond early.
    assert.ok(performance.now() - pingedMs > 990)
  })

  it('gives up on a server that takes the connection and says nothing', async () => {
    await using server = await startServer(() => {})
    await assert.rejects(server.connect({ idleMs: 100 }), /no byte/)
  })

  it('gives up on an answer that comes drop by drop, though it is never silent', async () => {
    for (const start of ['HTTP/1.1 200 OK\r\nx-padding: ', 'HTTP/1.1 403 Forbidden\r\n\r\n']) {
      await using server = await startServer(({ socket }) => {
        socket.write(start)
        const timer = setInterval(() => socket.write('x'), 20)
        socket.on('close', () => clearInterval(timer))
      })
      await assert.rejects(
        server.connect({ answerMs: 200 }),
        /^Error: no whole answer within 0.2 s$/,
      )
    }
  })

  it('keeps a stream open for longer than its head may take', async () => {
    const answerMs = 500
    await using server = await startServer(async (_request, response) => {
      for (let times = 0; times < 12; times++) {
        response.write(': ping\n\n')
        await delay(answerMs / 5)
      }
      response.end()
    })
    // On a machine that stands still the head may be late.
    const inTime = () => server.connect({ answerMs }).catch(() => undefined)
    await drain(await until('a head in time', inTime))
  })

  it('gives refusals as errors of the API, with the time to wait', async () => {
    await using server = await startServer((_request, response) => {
      response.writeHead(503, { 'retry-after': '7' })
      response.end(`{"error":"stopping","code":"unavailable"}`)
    })
    await assert.rejects(server.connect({}), (error: unknown) => {
      assert.ok(error instanceof ApiError)
      assert.deepEqual([error.status, error.message, error.retryAfterSeconds], [503, 'stopping', 7])
      return true
    })
  })

  it('connects again when the token is replaced while it connects', async () => {
    const tokens = ['old', 'new']
    await using server = await startServer(({ headers }, response) => {
      response.writeHead(headers.authorization === 'Bearer new' ? 200 : 401).end()
    })
    await drain(await server.connect({ bearer: () => tokens.shift() ?? 'new' }))
    assert.equal(server.requests.length, 2)
  })

  it('does not read an endless refusal', async () => {
    await using server = await startServer((_request, response) => {
      response.writeHead(500)
      const timer = setInterval(() => response.write('x'.repeat(1_000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    await assert.rejects(server.connect({}), /the server answered 500/)
  })

  it('ends with its signal', async () => {
    await using server = await startServer((_request, response) => response.write(': hello\n\n'))
    const stop = new AbortController()
    const reading = drain(await server.connect({ signal: stop.signal }))
    stop.abort()
    await assert.rejects(reading)
  })
})

async function startServer(handle: RequestListener) {
  const requests: IncomingMessage[] = []
  const server = await serve((request, response) => {
    requests.push(request)
    response.setHeader('content-type', 'text/event-stream')
    handle(request, response)
  })
  return {
    requests,
    connect({
      lastEventId = '',
      revision = '',
      idleMs = 5_000,
      answerMs = 5_000,
      signal = new AbortController().signal,
      bearer = () => 'secret',
    }) {
      const config = {
        apiUrl: `${server.url}/prefix`,
        caFile: undefined,
        proxyUrl: undefined,
        streamIdleMs: idleMs,
      }
      const connect = createStreamConnector(config, { nodeId: 'n/1', bearer, answerMs })
      return connect({ lastEventId, revision, signal })
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function drain({ chunks }: { chunks: AsyncIterable<Uint8Array> }): Promise<void> {
  for await (const _ of chunks);
}
