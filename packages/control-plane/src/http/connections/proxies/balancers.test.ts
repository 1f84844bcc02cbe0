import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { type Log, silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { askPort } from '../../../doctor/ask.ts'
import { probeControlPlane } from '../../../start/service-probe.ts'
import {
  startControlPlane,
  type TestControlPlane,
  type TestSettings,
} from '../../../testing/harness.ts'
import { headerFrom } from '../../../testing/proxy-headers.ts'
import { createPeers } from './balancers.ts'
import { headerFaults, ownHeader } from './proxy-header.ts'

const balancer = '127.0.0.7'
const fewTokens = { limits: { wrong_tokens: 2, wrong_token_refill_ms: 3_600_000 } }

interface Place extends AsyncDisposable {
  plane: TestControlPlane
  lines: [message: string, fields: Record<string, unknown>][]
  /** Sends a request on a connection of its own, and resolves to all that comes back. */
  ask(options: Asked): Promise<string>
}

interface Asked {
  /** Address that the connection comes from: that of the balancer unless given. */
  from?: string
  /** What is sent before TLS. */
  before?: Buffer
  /** Number of bytes in which all goes out, TLS too. */
  inPieces?: number
  method?: string
  path?: string
  headers?: Readonly<Record<string, string>>
  body?: string
}

async function behindBalancer(config: TestSettings = {}): Promise<Place> {
  const lines: Place['lines'] = []
  const keep = (message: string, fields: unknown) =>
    void lines.push([message, fields as Record<string, unknown>])
  const log: Log = { ...silentLog, info: keep, warn: keep }
  const plane = await startControlPlane({
    log,
    config: { insecureHttp: false, proxyProtocolFrom: [`${balancer}/32`], ...config },
  })
  const { port, protocol } = new URL(plane.url)
  const ca = protocol === 'https:' ? await readFile(join(plane.dataDir, 'ca.crt')) : undefined

  async function ask(asked: Asked): Promise<string> {
    const { from = balancer, before = Buffer.alloc(0), inPieces = Number.MAX_SAFE_INTEGER } = asked
    const host = '127.0.0.1'
    const tcp = connectTcp({ port: Number(port), host, localAddress: from, noDelay: true })
    await once(tcp, 'connect')
    const way = piecewise(tcp, inPieces)
    way.write(before)
    const socket = ca ? connectTls({ socket: way, ca, host }) : way
    socket.on('error', () => {}).write(requestOf(asked))
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    await new Promise((resolve) => socket.once('end', resolve).once('close', resolve))
    tcp.destroy()
    return text
  }

  return { plane, lines, ask, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() }
}

function requestOf({ method = 'GET', path = '/healthz', headers = {}, body = '' }: Asked): string {
  const all = { host: 'x', connection: 'close', 'content-length': body.length, ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

/** The connection, on which each piece goes out in a segment of its own, as far as the kernel does not join them again. */
function piecewise(tcp: Socket, size: number): Duplex {
  const way = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      void writeAll(tcp, bytes, size).then(() => done())
    },
  })
  tcp.on('data', (bytes) => way.push(bytes)).on('close', () => way.push(null))
  tcp.on('error', () => {})
  return way
}

async function writeAll(tcp: Socket, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size)
    await new Promise((resolve) => tcp.write(bytes.subarray(at, at + size), resolve))
}

const operator = ({ adminToken }: TestControlPlane) => ({ authorization: `Bearer ${adminToken}` })
const wrong = { path: '/admin/v1/nodes', headers: { authorization: 'Bearer wrong' } }

describe('a connection of a balancer', () => {
  it('comes from whom its header names, for all that look at addresses', async () => {
    await using it = await behindBalancer(fewTokens)
    const { plane, ask, lines } = it
    const statusOf = async (address: string) =>
      (await ask({ before: headerFrom(address), ...wrong })).slice(9, 12)
    assert.deepEqual(
      [await statusOf('203.0.113.7'), await statusOf('203.0.113.7'), await statusOf('203.0.113.7')],
      ['401', '401', '429'],
    )
    assert.equal(await statusOf('203.0.113.8'), '401')

    const made = await ask({
      before: headerFrom('203.0.113.9'),
      method: 'POST',
      path: '/admin/v1/tokens',
      headers: { 'content-type': 'application/json', ...operator(plane) },
      body: '{}',
    })
    assert.match(made, /^HTTP\/1.1 201 /)
    const change = lines.find(([message]) => message === 'changed by operator')
    assert.equal(change?.[1].from, '203.0.113.9')
    const throttled = lines.find(([message]) => message === 'too many wrong tokens')
    assert.equal(throttled?.[1].source, '203.0.113.7')
  })

  it('shows where a node is that no STUN server has told', async () => {
    await using it = await behindBalancer()
    const web = await it.plane.enrol('web-01')
    const report = { public_endpoint: '', local_endpoints: ['203.0.113.7:51820'] }
    const answer = await it.ask({
      before: headerFrom('203.0.113.7'),
      method: 'PUT',
      path: `/v1/nodes/${web.node_id}/endpoint`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${web.token}` },
      body: JSON.stringify(report),
    })
    assert.match(answer, /^HTTP\/1.1 200 /)
    assert.equal(it.plane.app.fleet.node(web.node_id)?.endpoint, '203.0.113.7:51820')
  })

  it('loses and adds nothing, in pieces of any size', async () => {
    await using it = await behindBalancer()
    for (const inPieces of [1, 3, 16, 17, 28, 29, 200]) {
      const answer = await it.ask({ before: headerFrom('203.0.113.7'), inPieces })
      assert.match(answer, /^HTTP\/1.1 200 /, `${inPieces}`)
    }
  })

  it('is its own where it names nobody', async () => {
    await using it = await behindBalancer(fewTokens)
    for (const status of ['401', '401', '429'])
      assert.equal((await it.ask({ before: ownHeader, ...wrong })).slice(9, 12), status)
    const throttled = it.lines.find(([message]) => message === 'too many wrong tokens')
    assert.equal(throttled?.[1].source, balancer)
  })

  it('is closed without a header, with a line of which there is one a minute', async () => {
    await using it = await behindBalancer()
    for (let count = 0; count < 3; count++) assert.equal(await it.ask({}), '')
    const v1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n')
    assert.equal(await it.ask({ before: v1 }), '')
    const told = it.lines.filter(([message]) => message.startsWith('connections '))
    const message =
      'connections of a balancer closed: they begin with no header of the PROXY protocol'
    assert.deepEqual(told, [
      [message, { balancer, why: headerFaults.tls, count: 1 }],
      [message, { balancer, why: headerFaults.v1, count: 1 }],
    ])
    const metrics = await it.ask({ before: ownHeader, path: '/metrics' })
    assert.match(metrics, /plexd_connections_refused_total\{reason="no_header"\} 4\n/)
  })

  it('is closed when its header does not come in time, or breaks off', async () => {
    await using it = await behindBalancer({ limits: { silent_connection_ms: 100 } })
    const port = Number(new URL(it.plane.url).port)
    const half = headerFrom('203.0.113.7').subarray(0, 20)
    for (const end of [
      (socket: Socket) => socket.end(half),
      (socket: Socket) => socket.write(half),
    ]) {
      const socket = connectTcp({ port, host: '127.0.0.1', localAddress: balancer })
      end(socket.on('error', () => {}))
      await once(socket.resume(), 'close')
    }
    assert.deepEqual(
      it.lines.map(([, { why }]) => why).filter((why) => why !== undefined),
      [headerFaults.half, headerFaults.late],
    )
  })

  it('may end before its first byte, as a check whether the port is open does', async () => {
    await using it = await behindBalancer()
    const port = Number(new URL(it.plane.url).port)
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress: balancer })
    await once(socket, 'connect')
    socket.end()
    await once(socket.resume(), 'close')
    assert.match(await it.ask({ before: ownHeader }), /^HTTP\/1.1 200 /)
    assert.deepEqual(
      it.lines.filter(([message]) => message.startsWith('connections ')),
      [],
    )
  })

  it('may say nothing after its header for as long as any other', async () => {
    await using it = await behindBalancer({ limits: { silent_connection_ms: 100 } })
    const port = Number(new URL(it.plane.url).port)
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress: balancer })
    socket.on('error', () => {}).write(headerFrom('203.0.113.7'))
    await once(socket.resume(), 'close')
    await until('it is told', () =>
      it.lines.some(([message]) => message === 'connections closed without an answer'),
    )
    assert.deepEqual(it.lines.at(-1)?.[1], { silent: 1 })
  })

  it('names a reverse proxy, whose own words are believed then', async () => {
    const config = { ...fewTokens, trustedProxies: ['203.0.113.2/32'] }
    await using it = await behindBalancer(config)
    const statusOf = async (address: string, client: string) => {
      const headers = { ...wrong.headers, 'x-forwarded-for': client }
      return (await it.ask({ ...wrong, before: headerFrom(address), headers })).slice(9, 12)
    }
    for (const status of ['401', '401', '429'])
      assert.equal(await statusOf('203.0.113.2', '198.51.100.1'), status)
    assert.equal(await statusOf('203.0.113.2', '198.51.100.2'), '401')
    // One that is no proxy is itself, whatever it says.
    for (const status of ['401', '401', '429'])
      assert.equal(await statusOf('203.0.113.7', '198.51.100.3'), status)
  })

  it('is named over plain HTTP too, with requests that follow at once', async () => {
    await using it = await behindBalancer({ ...fewTokens, insecureHttp: true })
    for (const status of ['401', '401', '429'])
      assert.equal(
        (await it.ask({ before: headerFrom('203.0.113.7'), ...wrong })).slice(9, 12),
        status,
      )
    const first = Buffer.from('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    const both = await it.ask({ before: Buffer.concat([headerFrom('203.0.113.8'), first]) })
    assert.equal(both.match(/HTTP\/1.1 200 /g)?.length, 2)
    assert.match(
      await it.ask({ before: headerFrom('203.0.113.8'), inPieces: 5 }),
      /^HTTP\/1.1 200 /,
    )
  })

  it('counts for the limit of connections as one of whom it names', async () => {
    await using it = await behindBalancer({ limits: { connections: 12 } })
    const port = Number(new URL(it.plane.url).port)
    const open = async (address: string): Promise<Socket> => {
      const socket = connectTcp({ port, host: '127.0.0.1', localAddress: balancer })
      socket.on('error', () => {}).resume()
      await new Promise((resolve) => socket.write(headerFrom(address), resolve))
      return socket
    }
    const quiet = await open('203.0.113.8')
    const crowd: Socket[] = []
    for (let count = 0; count < 30; count++) crowd.push(await open('203.0.113.7'))
    await until('the crowd is cut', () => crowd.filter(({ closed }) => closed).length >= 18)
    assert.equal(quiet.closed, false)
    for (const socket of [quiet, ...crowd]) socket.destroy()
  })
})

describe('a connection of anybody else', () => {
  it('has no header read', async () => {
    await using it = await behindBalancer()
    assert.equal(await it.ask({ from: '127.0.0.1', before: headerFrom('203.0.113.7') }), '')
    assert.match(await it.ask({ from: '127.0.0.1' }), /^HTTP\/1.1 200 /)
    assert.deepEqual(
      it.lines.filter(([message]) => message.startsWith('connections ')),
      [],
    )
  })

  it('is as it was where no balancer is named', async () => {
    await using it = await behindBalancer({ proxyProtocolFrom: [] })
    assert.equal(await it.ask({ before: headerFrom('203.0.113.7') }), '')
    assert.match(await it.ask({}), /^HTTP\/1.1 200 /)
  })
})

describe('a control plane whose machine is its balancer', () => {
  for (const insecureHttp of [true, false])
    it(`is asked by its own checks all the same, ${insecureHttp ? 'in the clear' : 'over TLS'}`, async () => {
      await using plane = await startControlPlane({
        config: { insecureHttp, proxyProtocolFrom: ['127.0.0.0/8'] },
      })
      const { app, url } = plane
      const port = Number(new URL(url).port)
      const answer = await askPort({ ...app.config, listen: { host: '127.0.0.1', port } })
      assert.equal(answer.status, 200)
      assert.equal(answer.certificate === undefined, insecureHttp)
      const address = { address: '127.0.0.1', port, family: 'IPv4' }
      const probe = probeControlPlane(
        () => ({ app, url, address }),
        () => undefined,
      )
      assert.match(await probe(AbortSignal.timeout(60_000)), /^serving /)
    })
})

describe('a control plane on a database with others', () => {
  /** What is found out of a connection that begins with these bytes. */
  async function peerOf(bytes: Buffer, isOfReplica: () => boolean): Promise<string> {
    const replicaOf = () => (isOfReplica() ? 'staying' : undefined)
    const awaitPeer = createPeers({ from: [], patienceMs: 100, replicaOf })
    const { promise, resolve } = Promise.withResolvers<string>()
    const server = createServer((socket) =>
      awaitPeer(socket, {
        named: (peer) => resolve(peer?.address ?? 'itself'),
        fault: (isSilent) => resolve(isSilent ? 'silent' : 'fault'),
      }),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // of TCP
    const socket = connectTcp(port, '127.0.0.1')
    if (bytes.length > 0) socket.write(bytes)
    const found = await promise
    socket.destroy()
    server.close()
    return found
  }

  it('believes headers of those, and of nobody else', async () => {
    const header = headerFrom('203.0.113.7')
    assert.equal(await peerOf(header, () => true), '203.0.113.7')
    assert.equal(await peerOf(header, () => false), 'fault')
    assert.equal(await peerOf(Buffer.from('\x16\x03\x01'), () => false), 'itself')
    for (const half of [Buffer.alloc(0), header.subarray(0, 1), header.subarray(0, 20)])
      assert.equal(await peerOf(half, () => true), 'silent')
  })
})
