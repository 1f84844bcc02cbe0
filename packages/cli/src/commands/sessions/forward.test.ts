import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'
import { startSshNode } from '../../testing/ssh-node.ts'
import { parseForward } from './forwarding/target.ts'

describe('plexctl forward', () => {
  it('says where it listens, and leads there, each way to its own end', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    await using service = await startEcho()
    const interrupt = new AbortController()
    const { promise: said, resolve: onStdout } = Promise.withResolvers<string>()

    const args = ['forward', '--mesh', 'web-01', `0:${service.port}`]
    const running = bench.run(args, { signal: interrupt.signal, onStdout })
    const [, port] =
      /^forwarding 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:\d+ on web-01 \(n_web\), session sess_1\n$/.exec(
        await said,
      ) ?? []
    const sockets = Array.from({ length: 5 }, () => net.connect(Number(port), '127.0.0.1'))
    const large = 'x'.repeat(3_000_000)
    for (const socket of sockets) socket.end(large)

    for (const socket of sockets) assert.equal(await text(socket), `${large}bye`)
    interrupt.abort()
    await running
    assert.partialDeepStrictEqual(bench.server.requests[0]?.body, {
      shell: false,
      forward: [`127.0.0.1:${service.port}`],
    })
  })

  it('ends with the reason when the session ends', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const onStdout = (): void => node.cut('idle')

    await assert.rejects(bench.run(['forward', '--mesh', 'web-01', '0:9'], { onStdout }), {
      message: 'web-01 (n_web): session "sess_1" has ended: nothing was sent for too long',
      exitCode: 1,
    })
  })

  it('says what to do about a port that is taken here', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    await using service = await startEcho()

    await assert.rejects(
      bench.run(['forward', '--mesh', 'web-01', String(service.port)]),
      /another program listens there: use LOCALPORT:PORT for another port$/,
    )
  })
})

describe('parseForward', () => {
  const cases: [text: string, localPort: number, host: string, port: number][] = [
    ['5432', 5432, '127.0.0.1', 5432],
    ['8080:80', 8080, '127.0.0.1', 80],
    ['db.internal:5432', 5432, 'db.internal', 5432],
    ['10.0.0.1:22', 22, '10.0.0.1', 22],
    ['0:[::1]:80', 0, '[::1]', 80],
  ]
  for (const [text, localPort, host, port] of cases)
    it(`takes "${text}"`, () => {
      assert.deepEqual(parseForward(text), { localPort, host, port })
    })

  for (const text of ['', '0', '70000', 'db', 'db:', ':80', '1:2:3:4', 'a b:1', '::1:80'])
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseForward(text), /Want \[LOCALPORT:\]\[HOST:\]PORT/)
    })
})

/** Answers with what it got, and more after its end. */
async function startEcho(): Promise<AsyncDisposable & { port: number }> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.pipe(socket, { end: false })
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end('bye'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port, // of a TCP server
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
