import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { startSessionBench } from './testing/session-bench.ts'

const isRoot = process.getuid?.() === 0
type Bench = Awaited<ReturnType<typeof startSessionBench>>

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

function mutate(
  bytes: Buffer,
  mutations: readonly { at: number; remove: number; insert: Uint8Array }[],
): Buffer {
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
