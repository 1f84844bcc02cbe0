import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { authority, otherAuthority } from '../testing/certificates.ts'
import { serve } from '../testing/serve.ts'
import { createHttpTransport, createUnixTransport } from './http-transport.ts'

/** Answers with what it was asked. */
const echo: RequestListener = async (request, response) => {
  const { method, url, headers } = request
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  response.setHeader('x-tag', ['a', 'b'])
  response.end(
    JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString('base64') }),
  )
}

const transportTo = (port: number, options = {}) =>
  createHttpTransport({
    baseUrl: `http://127.0.0.1:${port}/base/`,
    userAgent: 'plexd/test',
    ...options,
  })

const get = { method: 'GET', path: '/v1/x?a=b%2Fc', headers: { accept: 'application/json' } }

describe('createHttpTransport', () => {
  it('sends method, path behind the prefix, headers and body, and gives all of the answer', async () => {
    await using server = await serve(echo)
    using transport = transportTo(server.port)

    const { status, headers, body } = await transport({ ...get, method: 'PUT', body: 'ü' })

    const seen = JSON.parse(body)
    assert.equal(status, 200)
    assert.equal(headers['x-tag'], 'a, b')
    assert.equal(seen.method, 'PUT')
    assert.equal(seen.url, '/base/v1/x?a=b%2Fc')
    assert.equal(seen.headers['user-agent'], 'plexd/test')
    assert.equal(seen.headers['content-length'], '2')
    assert.equal(Buffer.from(seen.body, 'base64').toString(), 'ü')
  })

  it('packs bodies that are longer than the limit, and no others', async () => {
    await using server = await serve(echo)
    using transport = transportTo(server.port, { gzipOverBytes: 1_024 })
    const send = async (bytes: number) =>
      JSON.parse((await transport({ ...get, method: 'POST', body: 'x'.repeat(bytes) })).body)

    const short = await send(1_024)
    const long = await send(1_025)

    assert.equal(short.headers['content-encoding'], undefined)
    assert.equal(long.headers['content-encoding'], 'gzip')
    assert.equal(Number(long.headers['content-length']), Buffer.from(long.body, 'base64').length)
    assert.equal(gunzipSync(Buffer.from(long.body, 'base64')).toString(), 'x'.repeat(1_025))
  })

  it('says that there is no body', async () => {
    await using server = await serve(echo)
    using transport = transportTo(server.port)

    const { body } = await transport({ ...get, method: 'POST' })

    assert.equal(JSON.parse(body).headers['content-length'], '0')
  })

  it('keeps its connection, until it is disposed of', async () => {
    const ports = new Set<number | undefined>()
    await using server = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    {
      using transport = transportTo(server.port)
      for (let n = 0; n < 3; n++) await transport(get)
    }

    assert.equal(ports.size, 1)
  })

  it('closes connections from addresses that are lost, and keeps the others', async () => {
    const ports = new Set<number | undefined>()
    await using server = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    using transport = transportTo(server.port)
    await transport(get)
    transport.keepOnly(new Set(['127.0.0.1']))
    await transport(get)
    assert.equal(ports.size, 1)
    transport.keepOnly(new Set(['192.0.2.1']))
    await transport(get)
    assert.equal(ports.size, 2)
  })

  it('gives up on an answer that does not come in time, and on one that does not end', async () => {
    await using server = await serve((request, response) => {
      if (request.url?.endsWith('/half')) response.write('{')
    })
    using transport = transportTo(server.port, { timeoutMs: 50 })

    for (const path of ['/none', '/half']) {
      await assert.rejects(transport({ ...get, path }), {
        message: 'no whole answer within 0.05 s',
        code: 'ETIMEDOUT',
      })
    }
  })

  it('stops when the caller does', async () => {
    await using server = await serve(() => {})
    using transport = transportTo(server.port)

    await assert.rejects(transport({ ...get, signal: AbortSignal.timeout(20) }), {
      name: 'AbortError',
    })
  })

  it('rejects when the connection is cut, before the answer and in the middle of it', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      if (request.url?.endsWith('/half')) response.write('12345', () => response.destroy())
      else response.destroy()
    })
    using transport = transportTo(server.port)

    for (const path of ['/none', '/half']) {
      await assert.rejects(transport({ ...get, path }), { code: 'ECONNRESET' })
    }
  })

  it('refuses an answer without end', async () => {
    await using server = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    using transport = transportTo(server.port)

    await assert.rejects(transport(get), { message: 'read answer: more than 67108864 bytes' })
  })

  it('rejects with the code of the system when nobody listens', async () => {
    using transport = transportTo(1)

    await assert.rejects(transport(get), { code: 'ECONNREFUSED' })
  })
})

describe('an answer that comes before the body is sent', () => {
  const large = Buffer.alloc(32 * 1024 * 1024, 'x')
  const put = { method: 'PUT', path: '/v1/a', headers: {}, body: large }

  /** Refuses a body by its head, and hangs up without reading it. */
  const refuse: RequestListener = (request, response) => {
    response.writeHead(413, { connection: 'close' })
    response.end('{"error":"request body is too large"}', () => request.socket.destroySoon())
  }
  /** As `refuse`, with an answer that takes a while. */
  const refuseSlowly: RequestListener = (request, response) => {
    response.writeHead(413, { connection: 'close' }).write('{"error":')
    setImmediate(() => response.end('"slow"}', () => request.socket.destroySoon()))
  }

  for (const listener of [refuse, refuseSlowly]) {
    it(`is read over TCP, TLS and a Unix socket (${listener.name})`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
      try {
        await writeFile(join(folder, 'ca.crt'), authority)
        const caFile = join(folder, 'ca.crt')
        await using plain = await serve(listener)
        await using secure = await serve(listener, { tls: true })
        const path = join(folder, 'api.sock')
        await using _unix = await serve(listener, { socket: path })
        const baseUrl = secure.url
        using overTcp = transportTo(plain.port)
        using overTls = createHttpTransport({ baseUrl, userAgent: 'x', caFile })
        for (const transport of [overTcp, overTls, createUnixTransport(path)])
          for (let n = 0; n < 5; n++) {
            const { status, body } = await transport(put)
            assert.equal(status, 413)
            assert.match(body, /^\{"error":".*"\}$/)
          }
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  }

  it('ends the sending', async () => {
    let received = 0
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    await using server = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length))
      request.socket.on('close', () => resolve())
      response.writeHead(413, { connection: 'close' }).end('{}')
    })
    using transport = transportTo(server.port)
    assert.equal((await transport(put)).status, 413)
    await closed
    assert.ok(received < large.length, `${received} bytes were sent`)
  })
})

describe('createHttpTransport over TLS', () => {
  it('trusts the authority in the CA file, and no other', async () => {
    await using server = await serve(echo, { tls: true })
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    try {
      await writeFile(join(folder, 'ca.crt'), authority)
      await writeFile(join(folder, 'other.crt'), otherAuthority)
      const baseUrl = server.url
      const ask = async (options: object) => {
        using transport = createHttpTransport({ baseUrl, userAgent: 'x', ...options })
        return await transport(get)
      }

      assert.equal((await ask({ caFile: join(folder, 'ca.crt') })).status, 200)
      const untrusted = { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }
      await assert.rejects(ask({ caFile: join(folder, 'other.crt') }), untrusted)
      await assert.rejects(ask({}), untrusted)
      await writeFile(join(folder, 'empty'), '')
      await assert.rejects(ask({ caFile: join(folder, 'empty') }), {
        message: `read CA file "${join(folder, 'empty')}": it holds no certificate in PEM: want ca.crt of the control plane's data directory`,
      })
      await assert.rejects(ask({ caFile: join(folder, 'gone') }), {
        message: `read CA file "${join(folder, 'gone')}"`,
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('createUnixTransport', () => {
  it('speaks HTTP over the socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    const socket = join(folder, 'api.sock')
    const transport = createUnixTransport(socket)
    try {
      await assert.rejects(transport(get), { code: 'ENOENT' })

      await using _server = await serve(
        async (request, response) => {
          if (request.url === '/slow') return
          response.end(`${request.method} ${request.url} ${await text(request)}`)
        },
        { socket },
      )
      const put = await transport({ method: 'PUT', path: '/v1/a%2Fb', headers: {}, body: '{}' })

      assert.equal(put.body, 'PUT /v1/a%2Fb {}')
      const impatient = createUnixTransport(socket, 50)
      await assert.rejects(impatient({ ...get, path: '/slow' }), { code: 'ETIMEDOUT' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
