import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { noPostgres, openEventStream, until } from '@plexd/runtime/testing'
import type { ControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { type CurlAnswer, curl } from '../support/curl.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { newPublicKey, startSystem } from '../support/system.ts'
import { type Replica, startReplicas } from './start-replicas.ts'

const drain = ['--drain', '2s']
/** In the first half of that nothing ends. */
const halfMs = 1_000
const names = ['a', 'b', 'c', 'd'] as const

/** The answer of the next `/readyz` that is no 200. */
function notReady({ url }: ControlPlaneProcess, caFile: string): Promise<CurlAnswer> {
  return until('it drains', async () => {
    const answer = await curl('--cacert', caFile, `${url}/readyz`)
    return answer.status !== 200 && answer
  })
}

/** Sends it; `ended` resolves to the code with which the program ends, and when. */
function signal({ program }: ControlPlaneProcess, name: NodeJS.Signals) {
  const { child } = program()
  const ended = once(child, 'exit').then(([code]) => ({
    code: code as number | null, // null of one that a signal has ended
    atMs: performance.now(),
  }))
  child.kill(name)
  return { sentMs: performance.now(), ended }
}

/** When each has ended; NaN until then. */
function watch(streams: readonly { ended: Promise<void> }[]): number[] {
  const times = streams.map(() => Number.NaN)
  for (const [index, { ended }] of streams.entries())
    void ended.then(() => {
      times[index] = performance.now()
    })
  return times
}

const count = (times: readonly number[]): number => times.filter((ms) => !Number.isNaN(ms)).length

/** Not before half of the drain, not together, and not only with the program. */
function assertSpread(times: readonly number[], sentMs: number, endMs: number): void {
  const [first, last] = [Math.min(...times), Math.max(...times)]
  assert.ok(first - sentMs > halfMs - 50, `the first ends after ${first - sentMs} ms`)
  assert.ok(last - first > halfMs / 3, `all end within ${last - first} ms`)
  assert.ok(last < endMs, `the last ends ${last - endMs} ms after the program`)
}

describe('a control plane that drains', () => {
  it('says so, answers, and ends its streams one after the other', async () => {
    await using system = await startSystem({ args: drain })
    const { controlPlane } = system
    const nodes = await Promise.all(names.map((name) => system.enrol(name)))
    const times = watch(await Promise.all(nodes.map((node) => node.stream())))
    const { sentMs, ended } = signal(controlPlane, 'SIGTERM')

    const { status, text, headers } = await notReady(controlPlane, controlPlane.caFile)
    const { items } = (await system.admin.listNodes({})).body
    assert.equal(items.length, names.length)
    assert.equal(status, 503)
    assert.match(text, /"error":"draining: the control plane ends soon, and still serves"/)
    assert.equal(headers.connection, 'close')
    await until('one has ended', () => count(times) > 0)
    using again = await nodes[times.findIndex((ms) => !Number.isNaN(ms))]?.stream()
    assert.equal(again?.status, 200)
    const { code, atMs } = await ended
    assert.equal(code, 0)
    assertSpread(times, sentMs, atMs)
  })

  it('ends at once by a second signal', async () => {
    await using system = await startSystem({ args: ['--drain', '45s'] })
    const { controlPlane } = system
    const { child } = controlPlane.program()
    const { sentMs, ended } = signal(controlPlane, 'SIGTERM')
    await notReady(controlPlane, controlPlane.caFile)
    // One that follows at once is taken for an echo of the first.
    await until('it has ended', () => child.exitCode !== null || !child.kill('SIGTERM'))
    const { code, atMs } = await ended
    assert.equal(code, 1)
    assert.ok(atMs - sentMs < 20_000)
  })
})

describe('one of two control planes that drains', { skip: noPostgres }, () => {
  const server = openPostgres()

  const listNodes = ({ admin }: Replica) => admin.listNodes({})

  /** The streams of new nodes, all by one of the two. */
  async function streamsBy({ process, admin, nodes }: Replica, caFile: string, prefix: string) {
    const open = async (name: string) => {
      const { token } = (await admin.createToken({ body: {} })).body
      const body = { token, public_key: newPublicKey(), hostname: prefix + name, capabilities: {} }
      const { node_id, node_token } = (await nodes().register({ body })).body
      const path = `/v1/nodes/${node_id}/events`
      return openEventStream({ url: process.url, caFile, path, token: node_token ?? '' })
    }
    return Promise.all(names.map(open))
  }

  it('ends what it passes on one after the other, while the other one goes on', async () => {
    await using it = await startReplicas(server, 2, [{}, { args: drain }])
    const [one, two] = it.replicas
    const { caFile } = one.process
    const direct = watch(await streamsBy(one, caFile, 'direct-'))
    const passedOn = watch(await streamsBy(two, caFile, 'passed-on-'))
    const { sentMs, ended } = signal(two.process, 'SIGTERM')

    const { status, text } = await notReady(two.process, caFile)
    assert.equal((await curl('--cacert', caFile, `${one.process.url}/readyz`)).status, 200)
    assert.equal((await listNodes(two)).body.items.length, 2 * names.length)
    assert.equal(status, 503)
    assert.match(text, /"error":"draining: the control plane that passed this on ends soon"/)
    const { code, atMs } = await ended
    assert.equal(code, 0)
    assertSpread(passedOn, sentMs, atMs)
    assert.equal(count(direct), 0)
  })

  it('serves on, by the other one too, and then that one does', async () => {
    await using it = await startReplicas(server, 2, [{ args: drain }])
    const [one, two] = it.replicas
    const { caFile } = one.process
    const direct = watch(await streamsBy(one, caFile, 'direct-'))
    const passedOn = watch(await streamsBy(two, caFile, 'passed-on-'))
    const { sentMs, ended } = signal(one.process, 'SIGTERM')

    const { text } = await notReady(one.process, caFile)
    assert.equal((await curl('--cacert', caFile, `${two.process.url}/readyz`)).status, 200)
    assert.match(text, /"error":"draining: the control plane ends soon, and still serves"/)
    await until('a stream has ended', () => count(direct) > 0)
    assert.equal((await listNodes(two)).body.items.length, 2 * names.length)
    assert.equal(count(passedOn), 0)
    const { code, atMs } = await ended
    assert.equal(code, 0)
    assertSpread(direct, sentMs, atMs)
    await until('the other one serves', () =>
      listNodes(two).then(
        () => true,
        () => false,
      ),
    )
  })
})
