import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TelemetryRecord } from '@plexd/protocol'
import { type EventStream, openEventStream, until } from '@plexd/runtime/testing'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { addOperator } from '../../testing/operators.ts'

const startMs = Date.UTC(2025, 0, 15)
const aLog = (seconds: number, message: string, more: object = {}) => ({
  timestamp: new Date(startMs + seconds * 1_000).toISOString(),
  message,
  unit: 'sshd',
  severity: 'info',
  ...more,
})
const send = (node: EnrolledNode, ...body: object[]) =>
  node.api.sendLogs({ params: node, body: Buffer.from(JSON.stringify(body)) })
const messages = (items: readonly TelemetryRecord[]) =>
  items.map(({ record }) => (record as { message: string }).message)

describe('searching the logs of nodes', () => {
  it('is by node, selector, time, unit, severity and text, in the order of their time, page by page', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    await plane.admin.setNodeMetadata({ params: { node: 'db' }, body: { set: { tier: 'db' } } })
    await send(web, aLog(3, 'third'), aLog(1, 'first'))
    await send(db, aLog(2, 'Second TIMEOUT', { severity: 'error', unit: 'pg' }))
    const search = async (query: object) =>
      messages((await plane.admin.searchLogs({ query })).body.items)

    assert.deepEqual(await search({}), ['first', 'Second TIMEOUT', 'third'])
    assert.deepEqual(await search({ order: 'newest', node: 'web' }), ['third', 'first'])
    assert.deepEqual(await search({ selector: 'tier=db' }), ['Second TIMEOUT'])
    assert.deepEqual(await search({ severity: 'warn' }), ['Second TIMEOUT'])
    assert.deepEqual(await search({ unit: 'pg,other' }), ['Second TIMEOUT'])
    assert.deepEqual(await search({ unit: 'pg.service' }), ['Second TIMEOUT'])
    assert.deepEqual(await search({ grep: 'timeout' }), ['Second TIMEOUT'])
    const since = new Date(startMs + 2_000).toISOString()
    assert.deepEqual(await search({ since }), ['Second TIMEOUT', 'third'])
    assert.deepEqual(await search({ until: since }), ['first', 'Second TIMEOUT'])

    const first = (await plane.admin.searchLogs({ query: { limit: '2' } })).body
    const rest = (await plane.admin.searchLogs({ query: { after: first.next ?? '' } })).body
    assert.deepEqual([messages(rest.items), rest.next], [['third'], null])
    assert.equal(rest.items[0]?.node_hostname, 'web')
    await plane.admin.removeNode({ params: { node: 'web' } })
    assert.deepEqual(await search({ node: 'web' }), ['first', 'third'])
    await assert.rejects(search({ node: 'nobody' }), isError(404, /there is no node "nobody"/))
    await assert.rejects(search({ node: 'db', selector: '*' }), isError(400, /not both/))
  })
})

describe('following the logs of nodes', () => {
  it('shows what comes, then goes on behind the last id without loss or repetition', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    await send(web, aLog(0, 'before'))
    let last = 0
    {
      using tail = await openTail(plane, 'node=web&severity=info')
      await send(db, aLog(1, 'of another'))
      await send(web, aLog(1, 'one'), aLog(1, 'chatter', { severity: 'debug' }), aLog(1, 'two'))
      const seen = [await nextRecord(tail), await nextRecord(tail)]
      assert.deepEqual(messages(seen), ['one', 'two'])
      assert.equal(seen[0]?.node_hostname, 'web')
      last = seen[0]?.id ?? 0
    }
    await send(web, aLog(2, 'three'))
    using tail = await openTail(plane, `node=web&severity=info&after=${last}`)
    await send(web, aLog(3, 'four'))
    const seen = [await nextRecord(tail), await nextRecord(tail), await nextRecord(tail)]
    assert.deepEqual(messages(seen), ['two', 'three', 'four'])
  })

  it('has nothing of another tenant, and ends with the token and with the node', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const stranger = await addOperator(plane, { tenant: 'other' })
    const { body } = await plane.admin.createAdminToken({ body: { name: 'eyes', role: 'viewer' } })
    using ofStranger = await openTail(plane, 'selector=*', stranger.token)
    using ofToken = await openTail(plane, 'selector=*', body.token)
    using ofNode = await openTail(plane, 'node=web')
    await send(web, aLog(1, 'hi'))
    assert.deepEqual(messages([await nextRecord(ofToken)]), ['hi'])
    await plane.admin.revokeAdminToken({ params: { token_id: body.id } })
    await ofToken.ended
    await plane.admin.removeNode({ params: { node: web.node_id } })
    await ofNode.ended
    assert.ok(ofStranger.blocks.every(({ data }) => data === ''))
    for (const query of ['node=web', `node=${web.node_id}`]) {
      using gone = await openTail(plane, query)
      assert.equal(gone.status, 404)
    }
  })

  it('is refused past the limit of an operator, until one of the streams ends', async () => {
    await using plane = await startControlPlane({ config: { limits: { operator_tails: 1 } } })
    const first = await openTail(plane, '')
    using refused = await openTail(plane, '')
    assert.equal(refused.status, 429)
    assert.match(refused.body, /limit operator_tails/)
    first[Symbol.dispose]()
    await until('the first stream to end', async () => {
      using again = await openTail(plane, '')
      return again.status === 200
    })
  })
})

function openTail(
  { url, adminToken }: TestControlPlane,
  query: string,
  token = adminToken,
): Promise<EventStream> {
  return openEventStream({ url, path: `/admin/v1/logs/follow?${query}`, token })
}

async function nextRecord(stream: EventStream): Promise<TelemetryRecord> {
  for (;;) {
    const block = await stream.next()
    assert.ok(block, 'the stream has ended')
    if (block.data !== '') return JSON.parse(block.data)
  }
}
