import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError, type TransportResponse } from '@plexd/protocol'
import { authority, freePort } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { type FakeControlPlane, startFakeControlPlane } from '../../testing/fake-control-plane.ts'
import { createOpener } from '../stream/open-answer.ts'
import { createAddresses } from './addresses.ts'
import { openControlClient } from './client.ts'
import { describeFailure, NoneAnswered } from './failure.ts'

const says = (status: number, error: string) => () => ({
  status,
  headers: { 'retry-after': '3' },
  body: { error, code: 'unavailable' },
})

describe('several addresses of the control plane', () => {
  it('are tried at once where nobody listens, and the one that answers stays in use', async () => {
    await using two = await startFakeControlPlane()
    const node = aNode([`http://127.0.0.1:${await freePort()}`, two.url])
    let moves = 0
    node.addresses.onMove(() => moves++)
    await node.getState()
    await node.getState()
    assert.equal(two.sent('/state').length, 2)
    assert.deepEqual([node.addresses.inUse().apiUrl, moves], [two.url, 1])
    const [first, second] = node.addresses.sights()
    assert.match(first?.failure ?? '', /^connect to control plane ".*": .*ECONNREFUSED/)
    assert.partialDeepStrictEqual(second, { isInUse: true, failure: '' })
  })

  it('are left for a control plane that waits, starts or stops, and for no other answer', async () => {
    for (const [status, error, isLeft] of [
      [503, 'the control plane is waiting', true],
      [503, 'waiting: the control plane on "cp1" serves', true],
      [503, 'the control plane is starting', true],
      [503, 'the control plane is stopping', true],
      [503, 'nothing changed: the database is starting or stopping', false],
      [401, 'unauthorized', false],
      [403, 'forbidden', false],
      [404, 'there is no such node', false],
      [409, 'the control plane is stopping', false],
      [429, 'too many requests', false],
      [500, 'internal error', false],
    ] as const) {
      await using pair = await startTwo()
      const { one, two } = pair
      one.override = says(status, error)
      const node = aNode([one.url, two.url])
      const answer = node.getState()
      if (isLeft) await answer
      else await assert.rejects(answer, { status, message: error })
      assert.equal(two.requests.length > 0, isLeft, `${status} ${error}`)
    }
  })

  it('say after a whole round when to come again, if one of them may serve soon', async () => {
    await using one = await startFakeControlPlane()
    one.override = says(503, 'the control plane is waiting')
    const node = aNode([one.url, `http://127.0.0.1:${await freePort()}`])
    await assert.rejects(node.getState(), (error) => {
      assert.ok(error instanceof ApiError)
      assert.equal(error.retryAfterSeconds, 3)
      return true
    })
    assert.equal(one.requests.length, 1)
    assert.equal(node.addresses.inUse().apiUrl, one.url)
  })

  it('are all named where none answers', async () => {
    const urls = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
    const node = aNode(urls)
    await assert.rejects(node.getState(), (error) => {
      assert.ok(error instanceof NoneAnswered)
      const text = describeFailure(error, node.config)
      for (const url of urls) assert.match(text, new RegExp(`"${url}": .*ECONNREFUSED`))
      return true
    })
  })

  it('have a certificate for their own host name each', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-addresses-'))
    const caFile = join(folder, 'ca.crt')
    await writeFile(caFile, authority)
    await using two = await startFakeControlPlane({ tls: true })
    const { port } = new URL(two.url)
    const lookup: LookupFunction = (_name, { all }, done) =>
      all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
    const urls = [`https://other.example.com:${port}`, `https://localhost:${port}`]
    const node = aNode(urls, { caFile, lookup })
    await node.getState()
    assert.equal(node.addresses.inUse().apiUrl, urls[1])
    assert.match(node.addresses.sights()[0]?.failure ?? '', /is for another host name/)
    await rm(folder, { recursive: true })
  })

  it('are one for requests and the stream, which goes where those are', async () => {
    await using pair = await startTwo()
    const { one, two } = pair
    const node = aNode([one.url, two.url])
    one.override = ({ line }) =>
      line.endsWith('/state') ? { status: 200, hangUp: true } : undefined
    assert.equal((await node.open()).apiUrl, one.url)
    await node.getState()
    assert.equal((await node.open()).apiUrl, two.url)
  })

  it('are left for a stream that cannot be opened', async () => {
    await using pair = await startTwo()
    const { one, two } = pair
    one.override = says(503, 'the control plane is stopping')
    const node = aNode([one.url, two.url])
    assert.equal((await node.open()).apiUrl, two.url)
    await node.getState()
    assert.equal(two.sent('/state').length, 1)
  })

  it('are neither left nor blamed for an answer that was asked for before a later one was good', async () => {
    await using pair = await startTwo()
    const node = aNode([pair.one.url, pair.two.url])
    const late = Promise.withResolvers<TransportResponse>()
    const answerOf = (value: TransportResponse) => value
    const early = node.addresses.ask({
      ask: ({ apiUrl }) => (apiUrl === pair.one.url ? late.promise : Promise.reject(refused)),
      answerOf,
    })
    await node.getState()
    late.resolve(waiting)
    assert.equal(await early, waiting)
    assert.equal(node.addresses.inUse().apiUrl, pair.one.url)
    assert.partialDeepStrictEqual(node.addresses.sights()[0], { isInUse: true, failure: '' })
  })

  it('are not left because the caller has given up', async () => {
    await using pair = await startTwo()
    const { one, two } = pair
    const node = aNode([one.url, two.url])
    await assert.rejects(node.getState(AbortSignal.abort(new Error('enough'))))
    assert.deepEqual([node.addresses.inUse().apiUrl, two.requests.length], [one.url, 0])
  })
})

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const waiting: TransportResponse = {
  status: 503,
  headers: { 'retry-after': '3' },
  body: JSON.stringify({ error: 'the control plane is waiting', code: 'unavailable' }),
}

interface Two extends AsyncDisposable {
  one: FakeControlPlane
  two: FakeControlPlane
}

async function startTwo(): Promise<Two> {
  const [one, two] = [await startFakeControlPlane(), await startFakeControlPlane()]
  return {
    one,
    two,
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await two[Symbol.asyncDispose]()
    },
  }
}

function aNode(
  [apiUrl = '', ...others]: readonly string[],
  { caFile, lookup }: { caFile?: string; lookup?: LookupFunction } = {},
) {
  const config = {
    apiUrl,
    proxyUrl: undefined,
    otherPlaces: others.map((url) => ({ apiUrl: url, proxyUrl: undefined })),
    caFile,
    requestTimeoutMs: 5_000,
    streamIdleMs: 5_000,
    limits: defaultConfig.limits,
  }
  const addresses = createAddresses(config)
  const credentials = { bearer: () => 'plx_node_test' }
  const connecting = { addresses, ...(lookup ? { lookup } : {}) }
  const { client } = openControlClient(config, { credentials, ...connecting })
  const open = createOpener(config, { ...credentials, ...connecting })
  return {
    config,
    addresses,
    getState: (signal?: AbortSignal) =>
      client.getState({ params: { node_id: 'n_test' }, ...(signal ? { signal } : {}) }),
    async open() {
      const { response, apiUrl: at } = await open({
        path: '/v1/nodes/n_test/events',
        headers: {},
        type: 'text/event-stream',
        signal: new AbortController().signal,
      })
      response.on('error', () => {}).destroy()
      return { apiUrl: at }
    },
  }
}
