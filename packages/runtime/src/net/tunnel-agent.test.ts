import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { authority } from '../testing/certificates.ts'
import { serve } from '../testing/serve.ts'
import { until } from '../testing/until.ts'
import { createHttpTransport } from './http-transport.ts'

const get = { method: 'GET', path: '/', headers: {} }
const stepMs = 200

/** A proxy for one server, and a transport that asks by it. `answer` takes over what asks for a way. */
async function setUp(
  answer: (client: Socket, target: number) => void,
  { user = 'user:secret' } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-tunnel-'))
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, authority)
  const server = await serve((_, response) => response.end('{}'), { tls: true })
  const open = new Set<Socket>()
  const asked: (string | undefined)[] = []
  const proxy = await serve()
  proxy.server.on('connect', ({ headers }, stream) => {
    const client = stream as Socket // that of a TCP server
    open.add(client)
    // What is not read does not show its end.
    client.on('close', () => open.delete(client)).on('error', () => client.destroy())
    client.on('end', () => client.end()).resume()
    asked.push(headers['proxy-authorization'])
    answer(client, server.port)
  })
  const proxyUrl = `http://${user}@127.0.0.1:${proxy.port}`
  const baseUrl = `https://localhost:${server.port}`
  const transport = createHttpTransport({ baseUrl, caFile, userAgent: 'test', proxyUrl, stepMs })
  return {
    transport,
    asked,
    open,
    async [Symbol.asyncDispose]() {
      transport[Symbol.dispose]()
      for (const client of open) client.destroy()
      for (const each of [server, proxy]) await each[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

function letThrough(client: Socket, target: number): void {
  const onward = connect(target, '127.0.0.1', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    onward.pipe(client).pipe(onward)
  })
  onward.on('error', () => client.destroy())
  client.on('close', () => onward.destroy())
}

describe('TunnelAgent', () => {
  it('asks once for a way with who it is, and keeps to it', async () => {
    await using setup = await setUp(letThrough)
    for (let times = 0; times < 2; times++) assert.equal((await setup.transport(get)).status, 200)
    assert.deepEqual(setup.asked, [`Basic ${Buffer.from('user:secret').toString('base64')}`])
  })

  it('takes a percent sign that begins no escape for what it is', async () => {
    await using setup = await setUp(letThrough, { user: 'us%40er:100%secret' })
    assert.equal((await setup.transport(get)).status, 200)
    const basic = Buffer.from('us@er:100%secret').toString('base64')
    assert.deepEqual(setup.asked, [`Basic ${basic}`])
  })

  for (const [what, answer, wanted] of [
    [
      'a proxy that refuses',
      (client: Socket) => client.end('HTTP/1.1 407 Who\r\n\r\n'),
      /no way to localhost:\d+ by the proxy http:\/\/\*\*\*@127.*: it answered "HTTP\/1.1 407 Who": name user/,
    ],
    ['a proxy that hangs up', (client: Socket) => client.end(), /by the proxy .*: it hung up/],
    [
      'a proxy that says nothing',
      () => {},
      /no answer of the proxy http:\/\/\*\*\*@127.* within 0\.2 s/,
    ],
    [
      'no TLS behind the proxy',
      (client: Socket) => client.write('HTTP/1.1 200 ok\r\n\r\n'),
      /no answer to the TLS handshake of localhost:\d+ by the proxy .* within 0\.2 s/,
    ],
  ] as const)
    it(`says so of ${what}, and leaves no connection behind`, async () => {
      await using setup = await setUp(answer)
      await assert.rejects(setup.transport(get), wanted)
      await until('no connection is open', () => setup.open.size === 0)
    })

  it('is given up at once by who asks', async () => {
    await using setup = await setUp(() => {})
    const stop = new AbortController()
    const answer = setup.transport({ ...get, signal: stop.signal })
    stop.abort()
    await assert.rejects(answer, { name: 'AbortError' })
  })
})
