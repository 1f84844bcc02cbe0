import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { ClientChannel } from 'ssh2'
import type { FromServer } from '../link.ts'
import { connectTo, startSessionBench } from './testing/session-bench.ts'

const isRoot = process.getuid?.() === 0
type Bench = Awaited<ReturnType<typeof startSessionBench>>
type Chunk = Extract<FromServer, { type: 'chunk' }>

describe('a session that is recorded', { skip: !isRoot && 'needs root', timeout: 60_000 }, () => {
  /** What becomes of a chunk. */
  let onChunk: (chunk: Chunk) => void
  let bench: Bench

  before(async () => {
    bench = await startSessionBench({
      tell(message) {
        bench.told.push(message)
        if (message.type === 'chunk') onChunk(message)
      },
    })
  })
  after(() => bench[Symbol.asyncDispose]())

  const recording = {
    key: Buffer.alloc(32, 7).toString('base64'),
    input: false,
    limit_bytes: 100_000_000,
  }

  const store = ({ session_id, index }: Chunk): void =>
    bench.hear({ type: 'chunk_stored', session_id, index })

  it('goes on as its recording is stored, and says how many chunks that has', async () => {
    const chunks: Chunk[] = []
    onChunk = (chunk) => {
      chunks.push(chunk)
      store(chunk)
    }
    const session = await bench.open({ recording })
    const { stdout } = await bench.ssh(session, 'head -c 3000000 /dev/zero | tr "\\0" x')
    assert.equal(stdout.length, 3_000_000)
    const { chunks: count } = await session.untilClosed()
    assert.equal(count, chunks.length)
    assert.equal(chunks.at(-1)?.final, true)
    // Of a command without a terminal the first 64 KiB are kept.
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
    assert.ok(bytes < 100_000)
  })

  it('ends when its recording cannot be stored', async () => {
    onChunk = ({ session_id, index }) =>
      bench.hear({ type: 'chunk_failed', session_id, index, why: 'the disk is full' })
    const session = await bench.open({ recording })
    const { code } = await bench.ssh(session, '-tt', 'while :; do echo on; sleep 0.1; done')
    assert.equal(code, 255)
    const { reason, detail } = await session.untilClosed()
    assert.equal(reason, 'error')
    assert.match(detail, /recording cannot be written: .*the disk is full/)
  })

  it('reads no more of a client while what it has asked for is not stored, and then all', async () => {
    const held: Chunk[] = []
    onChunk = (chunk) => void held.push(chunk)
    const session = await bench.open({ recording })
    const client = await connectTo(bench, session.port)
    const { promise: opened, resolve, reject } = Promise.withResolvers<ClientChannel>()
    client.exec('echo on; exec sleep 60', { pty: true }, (error, channel) =>
      error ? reject(error) : resolve(channel),
    )
    const channel = await opened
    await once(channel, 'data')
    // Each is some 25 characters of the recording, and has no answer.
    for (let n = 0; n < 25_000; n++) channel.setWindow(24, 80 + (n % 100), 0, 0)
    await until('more than may wait', () => held.length > 4)
    await untilStill('nothing more to be read', () => held.length)
    assert.ok(held.length <= 6, `${held.length} chunks`)
    onChunk = (chunk) => {
      held.push(chunk)
      store(chunk)
    }
    for (const chunk of [...held]) store(chunk)
    await until('all of it', () => held.length > 8)
    client.end()
    assert.equal((await session.untilClosed()).reason, 'client_closed')
  })

  it('shows nothing more while its recording is not stored', async () => {
    const held: Chunk[] = []
    onChunk = (chunk) => void held.push(chunk)
    const session = await bench.open({ recording })
    const shown = bench.ssh(session, '-tt', 'head -c 30000000 /dev/urandom | base64')
    await until('as much as may wait', () => held.length > 4)
    await untilStill('nothing more to be shown', () => held.length)
    assert.ok(held.length <= 6, `${held.length} chunks`)
    session.end('revoked')
    await until('the end of its programs', async () => !(await isRunning('head -c 30000000')))
    onChunk = store
    for (const chunk of held) store(chunk)
    assert.ok((await shown).stdout.length < 20_000_000)
    await session.untilClosed()
  })
})

/** Until it was the same at so many looks in a row that only who is stuck can be. */
async function untilStill(what: string, count: () => number): Promise<void> {
  let [last, looks] = [-1, 0]
  await until(what, () => {
    looks = count() === last ? looks + 1 : 0
    last = count()
    return looks === 30
  })
}

/** Whether there is a process with this beginning of its command line. */
async function isRunning(command: string): Promise<boolean> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')), // it has ended
  )
  return lines.some((line) => line.replaceAll('\0', ' ').startsWith(command))
}
