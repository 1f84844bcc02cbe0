import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { describe, it } from 'node:test'
import { operation } from '@plexd/protocol'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { createBodies } from '../bodies/bodies.ts'
import type { Route } from '../route.ts'
import { createServer } from '../server.ts'

const defaults = resolveLimits(limits, {})

const half: Route<undefined> = {
  name: 'half',
  operation: operation({
    ...{ method: 'POST', path: '/half', auth: 'none', summary: '', requestKind: 'bytes' },
    ...{ status: 200, errors: [] },
  }),
  async run(_request, reply) {
    reply.hijack()
    reply.raw.write('half')
  },
}

/** What comes until the connection ends, when each of these is sent once all before it has been answered. */
async function conversation(...parts: string[]): Promise<string> {
  const server = createServer({
    routes: [half],
    life: 'life',
    callerOf: () => () => undefined,
    notServing: () => undefined,
    bodies: createBodies(defaults),
    limits: defaults,
    onFailure: () => {},
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo // it listens on TCP
  const socket = connect(port, '127.0.0.1')
  const [first = '', ...others] = parts
  socket.write(first)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    const next = others.shift()
    if (next !== undefined) socket.write(next)
  })
  await once(socket, 'close')
  await server.close()
  return text
}

async function answerTo(bytes: string): Promise<{ status: number; body: unknown }> {
  const text = await conversation(bytes)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  assert.match(head, /\r\nplexd-control-plane: life\r\n/)
  return { status: Number(head.split(' ')[1]), body: JSON.parse(body) }
}

describe('answerClientError', () => {
  it('answers what is no HTTP as it answers any failure', async () => {
    assert.deepEqual(await answerTo('nonsense\r\n\r\n'), {
      status: 400,
      body: { error: 'the request is not valid HTTP', code: 'bad_request' },
    })
  })

  it('says what is wrong where Node would refuse by itself: a request for no host', async () => {
    assert.deepEqual(await answerTo('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'), {
      status: 400,
      body: { error: 'the request has no Host header: send it along', code: 'bad_request' },
    })
    assert.equal((await answerTo('GET / HTTP/1.0\r\n\r\n')).status, 404)
  })

  it('passes over an expectation that nobody knows', async () => {
    const request = 'GET / HTTP/1.1\r\nHost: x\r\nExpect: nothing\r\nConnection: close\r\n\r\n'
    assert.equal((await answerTo(request)).status, 404)
  })

  it('says that headers are too large', async () => {
    const { status } = await answerTo(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(50_000)}`)
    assert.equal(status, 431)
  })

  it('says nothing more to a request that goes wrong behind its answer, or in the middle of it', async () => {
    const post = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`
    for (const [path, status] of [
      ['/nowhere', '404'],
      ['/half', '200'],
    ] as const) {
      const text = await conversation(post(path), 'no chunk\r\n')
      assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), [`HTTP/1.1 ${status}`], path)
    }
  })

  it('answers a path that cannot be decoded, and one that is too long', async () => {
    for (const path of ['/%', '/%ff']) {
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
      const { status, body } = await answerTo(request)
      assert.equal(status, 400)
      assert.equal((body as { code: string }).code, 'bad_request')
    }
  })
})
