import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Client, ClientChannel } from 'ssh2'
import { connectTo, startSessionBench } from './testing/session-bench.ts'

const isRoot = process.getuid?.() === 0
type Bench = Awaited<ReturnType<typeof startSessionBench>>

type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never

/** What a client may change in what it sends: at a place, as a part of the whole, other bytes. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(40),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom('ffffffff', '00000000', '7fffffff', '00000001')
      .map((hex) => Buffer.from(hex, 'hex')),
  ),
})

describe('the session server, with clients that send anything', {
  skip: !isRoot,
  timeout: 120_000,
}, () => {
  let bench: Bench
  let recorded: Buffer

  before(async () => {
    bench = await startSessionBench()
    recorded = await recordClient(bench)
  })
  after(() => bench[Symbol.asyncDispose]())

  it('closes their connection, and still serves others', async () => {
    const session = await bench.open()
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        await sendAll(session.port, mutate(recorded, mutations))
      }),
      { numRuns: 150 },
    )
    assert.equal((await bench.ssh(session, 'echo well')).stdout, 'well\n')
  })

  it('is not troubled by bytes that are no SSH at all', async () => {
    const session = await bench.open()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        await sendAll(session.port, Buffer.from(bytes))
      }),
      { numRuns: 50 },
    )
    await sendAll(session.port, Buffer.from(`SSH-2.0-x\r\n${'A'.repeat(300_000)}`))
    await sendAll(session.port, Buffer.alloc(2_000_000, 'a'))
    assert.equal((await bench.ssh(session, 'echo well')).stdout, 'well\n')
  })

  it('ends the connection of a client that says the same over and over', async () => {
    const session = await bench.open()
    const start = recorded.subarray(0, 2_000)
    await sendAll(session.port, Buffer.concat(Array.from({ length: 500 }, () => start)))
    assert.equal((await bench.ssh(session, 'echo well')).stdout, 'well\n')
  })
})

describe('the session server, with clients that it has accepted', {
  skip: !isRoot,
  timeout: 120_000,
}, () => {
  let bench: Bench

  before(async () => {
    bench = await startSessionBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  it('survives whatever their packets say', async () => {
    const packets = fc.array(fc.array(mutation, { maxLength: 2 }), { minLength: 8, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(packets, async (mutations) => {
        const session = await bench.open({ claims: { forward: ['*:*'] } })
        const client = await connectTo(bench, session.port)
        changePackets(client, mutations)
        askForAll(client)
        await new Promise((resolve) => setTimeout(resolve, 150))
        client.destroy()
        await session.untilClosed()
      }),
      { numRuns: 25 },
    )
    const session = await bench.open()
    assert.equal((await bench.ssh(session, 'echo well')).stdout, 'well\n')
  })

  for (const size of [0, 1, 1_023])
    it(`opens no channel for one that takes ${size} bytes in a packet`, async () => {
      const session = await bench.open()
      const client = await connectTo(bench, session.port)
      changePacketSize(client, size)
      const outcome = await new Promise<unknown>((resolve) =>
        client.exec('echo out; echo err >&2', (error) => resolve(error)),
      )
      assert.match(String(outcome), /its packets would be too small/)
      client.destroy()
      await session.untilClosed()
    })

  it('cuts off one that sends more than it may', async () => {
    const session = await bench.open()
    const client = await connectTo(bench, session.port)
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec('exec sleep 60', (error, opened) => (error ? reject(error) : resolve(opened))),
    )
    const { outgoing } = channel as unknown as { outgoing: { window: number } } // its own count of what it may send
    const filler = setInterval(() => {
      outgoing.window = 1_000_000
      channel.write(Buffer.alloc(1_000_000))
    }, 5)
    assert.equal((await session.untilClosed()).reason, 'client_closed')
    clearInterval(filler)
    client.destroy()
  })
})

interface Encrypting {
  _protocol: { _cipher: { encrypt(packet: Buffer): void } }
}

/** Each packet in turn, before it is encrypted: what the server cannot know to be wrong from its form. */
function changePackets(client: Client, mutations: readonly (readonly Mutation[])[]): void {
  let count = 0
  beforeEncryption(client, (packet) => {
    // Behind the lengths of the packet and of its padding.
    const end = packet.length - (packet[4] ?? 0)
    for (const { at, insert } of mutations[count++] ?? [])
      packet.set(
        insert.subarray(0, Math.max(0, end - 5)),
        5 + Math.floor(at * Math.max(0, end - 5 - insert.length)),
      )
  })
}

/** What it says, when it opens a channel, that it takes in a packet (RFC 4254 section 5.1). */
function changePacketSize(client: Client, size: number): void {
  const [channelOpen, type] = [90, 5]
  // Behind the type, the text "session" with its length, the sender and the window.
  const at = type + 1 + 4 + 'session'.length + 4 + 4
  beforeEncryption(client, (packet) => {
    if (packet[type] === channelOpen) packet.writeUInt32BE(size, at)
  })
}

function beforeEncryption(client: Client, change: (packet: Buffer) => void): void {
  const { _cipher: cipher } = (client as unknown as Encrypting)._protocol
  const encrypt = cipher.encrypt.bind(cipher)
  cipher.encrypt = (packet) => {
    change(packet)
    encrypt(packet)
  }
}

/** All that a client can ask for, in one go. */
function askForAll(client: Client): void {
  const ignore = (): void => {}
  const attempts = [
    () =>
      client.shell({ term: 'xterm', rows: 10, cols: 20 }, (_error, channel) =>
        channel?.setWindow(5, 6, 0, 0),
      ),
    () =>
      client.exec('cat', { pty: true, env: { LANG: 'C' } }, (_error, channel) => channel?.end('x')),
    () => client.exec('cat', { x11: 1 }, (_error, channel) => channel?.signal('TERM')),
    () => client.sftp(ignore),
    () => client.subsys('other', ignore),
    () => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 1, ignore),
    () => client.forwardIn('127.0.0.1', 0, ignore),
    () => client.openssh_forwardOutStreamLocal('/run/x', ignore),
    () => client.openssh_noMoreSessions(ignore),
  ]
  for (const attempt of attempts)
    try {
      attempt()
    } catch {
      // The client does not take what it has made of the connection.
    }
}

/** All that a client of OpenSSH sends in a session. */
async function recordClient(bench: Bench): Promise<Buffer> {
  const session = await bench.open()
  const sent: Buffer[] = []
  const between = createServer((socket) => {
    const to = connect(session.port, '127.0.0.1')
    socket.on('data', (bytes: Buffer) => void sent.push(bytes))
    socket.pipe(to).pipe(socket)
    socket.on('error', () => {})
    to.on('error', () => {})
  })
  between.listen(0, '127.0.0.1')
  await once(between, 'listening')
  const { port } = between.address() as { port: number } // it listens on TCP
  await bench.client('ssh', [...bench.options(port), 'nobody@127.0.0.1', 'true'])
  between.close()
  return Buffer.concat(sent)
}

function mutate(bytes: Buffer, mutations: readonly Mutation[]): Buffer {
  return mutations.reduce((before, { at, remove, insert }) => {
    const from = Math.floor(at * before.length)
    return Buffer.concat([before.subarray(0, from), insert, before.subarray(from + remove)])
  }, bytes)
}

/** Resolves when the server has closed the connection, or has nothing to say for a while and we close it. */
async function sendAll(port: number, bytes: Buffer): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // it was closed
  socket.resume()
  socket.setTimeout(100, () => socket.destroy())
  socket.end(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
}
