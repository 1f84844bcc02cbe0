import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { ApiError, maxRelayMessageBytes, relayEnds } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { WebSocket, WebSocketServer } from 'ws'
import type { Side } from './pair.ts'
import { createRelay, type Relay } from './relay.ts'

describe('the relay', () => {
  let server: WebSocketServer
  let relay: Relay
  const hour = 3_600_000
  const counted = { client: 0, node: 0 }
  const makeRelay = (waitMs = 15_000): Relay =>
    createRelay({
      clock: systemClock,
      log: silentLog,
      waitMs,
      onBytes: (side, count) => {
        counted[side] += count
      },
    })

  before(async () => {
    relay = makeRelay()
    server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      perMessageDeflate: false,
      maxPayload: maxRelayMessageBytes,
      maxFragments: 64,
    })
    await once(server, 'listening')
  })
  after(async () => {
    await relay[Symbol.asyncDispose]()
    server.close()
  })

  /** A socket that has joined a relay, with all that has come. */
  async function join(id: string, side: Side, options: JoinOptions = {}): Promise<End> {
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'connection')
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    const end = endOf(socket)
    const opened = once(socket, 'open')
    const [served] = (await accepted) as [WebSocket]
    const expires_at = Date.now() + (options.expiresMs ?? hour)
    const session = { id, node_id: `n_${id}`, expires_at }
    ;(options.relay ?? relay).join(session, side, served)
    await opened
    return end
  }

  async function pairOf(
    id: string,
    options: JoinOptions = {},
  ): Promise<{ client: End; node: End }> {
    return { client: await join(id, 'client', options), node: await join(id, 'node', options) }
  }

  it('gives each side what the other has sent, also before it came', async () => {
    const client = await join('both', 'client')
    client.socket.send(Buffer.from('SSH-2.0-client'))
    const node = await join('both', 'node')
    await until('the client is heard', () => node.text() === 'SSH-2.0-client')
    node.socket.send(Buffer.from('SSH-2.0-node'))
    await until('the node is heard', () => client.text() === 'SSH-2.0-node')
    client.socket.close()
    assert.deepEqual(await node.closed, { code: 1000, reason: '' })
  })

  it('passes a close on, behind what was sent before it', async () => {
    const { client, node } = await pairOf('close')
    for (let n = 0; n < 5_000; n++) node.socket.send(Buffer.from(`${n};`))
    node.socket.close(4100, 'idle for 10m')
    assert.deepEqual(await client.closed, { code: 4100, reason: 'idle for 10m' })
    assert.equal(client.text(), Array.from({ length: 5_000 }, (_, n) => `${n};`).join(''))
  })

  it('tells who was lost when a connection breaks', async () => {
    const { client, node } = await pairOf('lost')
    node.socket.terminate()
    assert.deepEqual(await client.closed, relayEnds.node_lost)
  })

  it('refuses a second client while one is there, and afterwards until the node has come again', async () => {
    const session = { id: 'twice', node_id: 'n', expires_at: Date.now() + hour }
    const refused = (side: Side) => () => relay.demandFree(session, side)
    const conflict = (error: unknown) => error instanceof ApiError && error.status === 409
    const client = await join('twice', 'client')
    assert.throws(refused('client'), conflict)
    relay.demandFree(session, 'node')
    const node = await join('twice', 'node')
    assert.throws(refused('node'), conflict)
    client.socket.close()
    await node.closed
    assert.throws(refused('client'), conflict)
    await join('twice', 'node')
    relay.demandFree(session, 'client')
    relay.cut('twice', relayEnds.ended)
  })

  it('does not wait for the close of a client when the node comes again', async () => {
    await using it = makeRelay()
    const { client, node } = await pairOf('hung', { relay: it })
    client.socket.pause()
    node.socket.terminate()
    await until('it is over', () => it.open() === 0)
    await join('hung', 'node', { relay: it })
    const second = await join('hung', 'client', { relay: it })
    it.cut('hung', relayEnds.revoked)
    assert.deepEqual(await second.closed, relayEnds.revoked)
    client.socket.terminate()
  })

  it('is not held up by empty messages before the other side is there', async () => {
    const node = await join('empty', 'node')
    const startMs = performance.now()
    for (let n = 0; n < 100_000; n++) node.socket.send(Buffer.alloc(0))
    node.socket.send(Buffer.from('SSH-2.0-node'))
    node.socket.ping()
    await once(node.socket, 'pong') // all before it has been read
    const client = await join('empty', 'client')
    await until('the rest has come', () => client.text() === 'SSH-2.0-node')
    // It takes a second; when each was held, and all were counted anew for each, half a minute.
    assert.ok(performance.now() - startMs < 10_000)
    client.socket.close()
  })

  it('keeps nothing of sessions that have ended', async () => {
    await using it = makeRelay()
    const before = await pairOf('reported-before', { relay: it })
    it.dismiss('reported-before', relayEnds.ended)
    assert.equal(it.open(), 1)
    const after = await pairOf('reported-after', { relay: it })
    const cut = await pairOf('revoked', { relay: it })
    it.cut('revoked', relayEnds.revoked)
    for (const { client } of [before, after]) client.socket.close()
    for (const { node } of [before, after, cut]) await node.closed
    await until('only one is kept', () => it.size() === 1)
    it.dismiss('reported-after', relayEnds.ended)
    assert.equal(it.size(), 0)
  })

  it('lets nobody in to a session that has expired', () => {
    const session = { id: 'late', node_id: 'n', expires_at: Date.now() - 1 }
    assert.throws(() => relay.demandFree(session, 'client'), {
      status: 409,
      message: 'session "late" has expired',
    })
  })

  it('lets a client come again that has left before the node was there', async () => {
    const client = await join('again', 'client')
    client.socket.close()
    await client.closed
    await join('again', 'client')
    relay.cut('again', relayEnds.ended)
  })

  it('lets a node come again while it waits: the first connection is told', async () => {
    const first = await join('redial', 'node')
    const second = await join('redial', 'node')
    assert.deepEqual(await first.closed, relayEnds.replaced)
    const client = await join('redial', 'client')
    client.socket.send(Buffer.from('x'))
    await until('the second is heard', () => second.text() === 'x')
    client.socket.close()
  })

  it('has a client wait for its node for a limited time, and a node for its client as long as the session lasts', async () => {
    await using short = makeRelay(50)
    const node = await join('early', 'node', { relay: short })
    const alone = await join('alone', 'client', { relay: short })
    assert.deepEqual(await alone.closed, relayEnds.no_node)
    const client = await join('early', 'client', { relay: short })
    client.socket.send(Buffer.from('x'))
    await until('the client is heard', () => node.text() === 'x')
  })

  for (const end of ['revoked', 'expired', 'ended'] as const)
    it(`cuts both sides at once when a session is ${end}, though one reads nothing`, async () => {
      const { client, node } = await pairOf(`cut-${end}`)
      client.socket.pause()
      const piece = Buffer.alloc(maxRelayMessageBytes)
      for (let n = 0; n < 200; n++) node.socket.send(piece)
      await until('bytes pass', () => counted.node > 0)
      const open = relay.open()
      relay.cut(`cut-${end}`, relayEnds[end])
      assert.equal(relay.open(), open - 1)
      const { code } = await node.closed
      // The node was sending, so its close may be lost behind what it had queued.
      assert.ok([1006, relayEnds[end].code].includes(code), `${code}`)
      // Sooner than a close that is waited for, which takes half a minute.
      await until('all are closed', () => server.clients.size === 0)
      client.socket.terminate()
    })

  it('cuts what has expired', async () => {
    const { client, node } = await pairOf('expiring', { expiresMs: 1_000 })
    assert.deepEqual(await client.closed, relayEnds.expired)
    assert.deepEqual(await node.closed, relayEnds.expired)
  })

  it('dismisses those who wait, and nobody else', async () => {
    const waiting = await join('waiting', 'client')
    relay.dismiss('waiting', relayEnds.ended)
    assert.deepEqual(await waiting.closed, relayEnds.ended)
    const { client, node } = await pairOf('both-there')
    relay.dismiss('both-there', relayEnds.ended)
    node.socket.close(1000, 'exit 3')
    assert.deepEqual(await client.closed, { code: 1000, reason: 'exit 3' })
  })

  it('ends all with what was sent when it stops, and takes no more', async () => {
    const stopping = makeRelay()
    const { client, node } = await pairOf('stop', { relay: stopping })
    const before = counted.node
    node.socket.send(Buffer.from('last words'))
    await until('bytes pass', () => counted.node > before)
    await stopping[Symbol.asyncDispose]()
    assert.deepEqual(await client.closed, relayEnds.stopping)
    assert.equal(client.text(), 'last words')
    const session = { id: 'late', node_id: 'n', expires_at: Date.now() + hour }
    assert.throws(
      () => stopping.demandFree(session, 'client'),
      (error) => error instanceof ApiError && error.status === 503,
    )
  })

  it('holds little for a reader that does not read', async () => {
    const { client, node } = await pairOf('slow')
    client.socket.pause()
    const before = counted.node
    const piece = Buffer.alloc(maxRelayMessageBytes)
    const sender = setInterval(() => {
      if (node.socket.bufferedAmount < 1024 ** 2)
        for (let n = 0; n < 16; n++) node.socket.send(piece)
    }, 1)
    // The kernel takes some megabytes at most, see tcp_wmem and tcp_rmem; then nothing more is taken.
    let last = -1
    await until('nothing more is taken', async () => {
      const taken = counted.node
      const isStill = taken === last && taken > before
      last = taken
      await new Promise((resolve) => setTimeout(resolve, 200))
      return isStill
    })
    const [...served] = server.clients
    const queued = served.map((socket) => socket.bufferedAmount)
    assert.ok(Math.max(...queued) <= 256 * 1024, `${queued}`)
    clearInterval(sender)
    const sent = counted.node - before
    client.socket.resume()
    await until('all has come', () => client.bytes() >= sent)
    client.socket.close()
  })

  it('carries 200 sessions at a time', async () => {
    const pairs: { n: number; client: End; node: End }[] = []
    for (let n = 0; n < 200; n++) pairs.push({ n, ...(await pairOf(`many-${n}`)) })
    assert.ok(relay.open() >= 200)
    await Promise.all(
      pairs.map(async ({ n, client, node }) => {
        for (let at = 0; at < 50; at++) client.socket.send(Buffer.from(`${n}.${at};`))
        client.socket.close()
        await node.closed
        assert.equal(node.text(), Array.from({ length: 50 }, (_, at) => `${n}.${at};`).join(''))
      }),
    )
  })
})

interface JoinOptions {
  relay?: Relay
  expiresMs?: number
}

interface End {
  readonly socket: WebSocket
  readonly closed: Promise<{ code: number; reason: string }>
  text(): string
  bytes(): number
}

function endOf(socket: WebSocket): End {
  const received: Buffer[] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer) => received.push(data))
  return {
    socket,
    closed: once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) })),
    text: () => Buffer.concat(received).toString(),
    bytes: () => received.reduce((sum, { length }) => sum + length, 0),
  }
}
