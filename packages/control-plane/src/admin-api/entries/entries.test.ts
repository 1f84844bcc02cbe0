import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unseal } from '@plexd/runtime/testing'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const text = 'text/plain'

async function setUp(plane: TestControlPlane) {
  const web = await plane.enrol('web', { metadata: { env: 'prod' } })
  const dev = await plane.enrol('dev', { metadata: { env: 'dev' } })
  return { web, dev }
}

const dataOf = async (node: EnrolledNode) =>
  (await node.api.getState({ params: { node_id: node.node_id } })).body.data.map(
    ({ key, payload, version }) => [key, payload, version],
  )

describe('data entries', () => {
  it('reach the nodes that they are for; the own one wins over that of a selector', async () => {
    await using plane = await startControlPlane()
    const { web, dev } = await setUp(plane)
    const put = (target: object, payload: unknown) =>
      plane.admin.putData({ params: { key: 'a/b' }, body: { target, content_type: text, payload } })
    await put({ selector: '*' }, 'all')
    await put({ selector: 'env=prod' }, 'prod')
    assert.deepEqual(await dataOf(web), [['a/b', 'prod', 2]])
    assert.deepEqual(await dataOf(dev), [['a/b', 'all', 1]])
    const { body } = await put({ node_id: web.node_id }, { own: true })
    assert.deepEqual(body.target, { node_id: web.node_id, node_hostname: 'web' })
    await put({ selector: '*' }, 'all again')
    assert.deepEqual(await dataOf(web), [['a/b', { own: true }, 3]])
    assert.deepEqual(await dataOf(dev), [['a/b', 'all again', 4]])
  })

  it('tell only nodes for which something changes', async () => {
    await using plane = await startControlPlane()
    const { web, dev } = await setUp(plane)
    await using webEvents = await openEventReader(plane.url, {
      token: web.token,
      nodeId: web.node_id,
    })
    const revisionOf = async (node: string) =>
      (await plane.admin.getNode({ params: { node } })).body.revision
    const before = await revisionOf('dev')
    await plane.admin.putData({
      params: { key: 'k' },
      body: { target: { selector: 'env=prod' }, content_type: text, payload: 1 },
    })
    const { payload } = await webEvents.next('node_state_updated')
    assert.deepEqual(payload.metadata, { env: 'prod' })
    assert.equal((payload.data as { payload: number }[])[0]?.payload, 1)
    assert.equal(await revisionOf('dev'), before)
    assert.deepEqual(await dataOf(dev), [])
  })

  it('take no new version for what they say already', async () => {
    await using plane = await startControlPlane()
    await setUp(plane)
    const put = () =>
      plane.admin.putData({
        params: { key: 'k' },
        body: { target: { selector: '*' }, content_type: text, payload: { a: 1 } },
      })
    const first = await put()
    assert.deepEqual((await put()).body, first.body)
  })

  it('never give a version twice, not even after deletion', async () => {
    await using plane = await startControlPlane()
    const { web } = await setUp(plane)
    const target = { selector: '*' }
    const put = async (payload: number) =>
      (
        await plane.admin.putData({
          params: { key: 'k' },
          body: { target, content_type: text, payload },
        })
      ).body.version
    assert.equal(await put(1), 1)
    await plane.admin.deleteData({ params: { key: 'k' }, query: target })
    assert.deepEqual(await dataOf(web), [])
    assert.equal(await put(1), 2)
    await assert.rejects(plane.admin.deleteData({ params: { key: 'x' }, query: target }), {
      status: 404,
    })
    await assert.rejects(
      plane.admin.deleteData({ params: { key: 'k' }, query: { node_id: web.node_id } }),
      { status: 404 },
    )
  })

  it('are refused without a proper target', async () => {
    await using plane = await startControlPlane()
    await setUp(plane)
    const put = (target: object) =>
      plane.admin.putData({
        params: { key: 'k' },
        body: { target, content_type: text, payload: 1 },
      })
    for (const target of [{}, { selector: 'a b' }, { selector: '*', node_id: 'web' }])
      await assert.rejects(put(target), { status: 400 })
    await assert.rejects(put({ node_id: 'n_nobody' }), { status: 404 })
    await assert.rejects(plane.admin.deleteData({ params: { key: 'k' } }), { status: 400 })
  })

  it('are read one at a time: for a target, or the only one of its key', async () => {
    await using plane = await startControlPlane()
    const { web, dev } = await setUp(plane)
    const params = { key: 'a/b' }
    const put = (target: object, payload: unknown) =>
      plane.admin.putData({ params, body: { target, content_type: text, payload } })
    const get = async (query: object = {}) =>
      (await plane.admin.getData({ params, query })).body.payload

    await assert.rejects(get(), { status: 404, message: 'there is no data entry "a/b"' })
    await put({ node_id: web.node_id }, 'own')
    assert.equal(await get(), 'own')
    await put({ selector: ' env=prod' }, 'prod')
    assert.equal(await get({ node_id: web.node_id }), 'own')
    assert.equal(await get({ selector: 'env=prod' }), 'prod')
    await assert.rejects(get(), {
      status: 409,
      message: `data entry "a/b" is there for node web (${web.node_id}), selector "env=prod": say for which`,
    })
    for (const other of [{ node_id: dev.node_id }, { selector: '*' }])
      await assert.rejects(get(other), { status: 404, message: /"a\/b" for this target/ })
    await assert.rejects(get({ node_id: web.node_id, selector: '*' }), { status: 400 })
    for (const name of 'abcdefghi') await put({ selector: `name=${name}` }, name)
    await assert.rejects(get(), { message: /selector "name=f" and more: say for which$/ })
  })

  it('are listed by key and target, in pages', async () => {
    await using plane = await startControlPlane()
    await setUp(plane)
    for (const key of ['b', 'a'])
      for (const selector of ['*', 'env=prod'])
        await plane.admin.putData({
          params: { key },
          body: { target: { selector }, content_type: text, payload: 1 },
        })
    const first = await plane.admin.listData({ query: { limit: '3' } })
    const rest = await plane.admin.listData({ query: { after: first.body.next ?? '' } })
    assert.deepEqual(
      [...first.body.items, ...rest.body.items].map(({ key, target }) => [key, target.selector]),
      [
        ['a', '*'],
        ['a', 'env=prod'],
        ['b', '*'],
        ['b', 'env=prod'],
      ],
    )
    assert.equal(rest.body.next, null)
  })
})

describe('secrets', () => {
  it('reach a node sealed under its key, each time anew', async () => {
    await using plane = await startControlPlane()
    const { web } = await setUp(plane)
    await plane.admin.putSecret({
      params: { key: 'db/password' },
      body: { target: { selector: 'env=prod' }, value: 'hünter2' },
    })
    const params = { node_id: web.node_id, key: 'db/password' }
    const [one, two] = [await web.api.getSecret({ params }), await web.api.getSecret({ params })]
    assert.equal(one.body.version, 1)
    assert.notEqual(one.body.nonce, two.body.nonce)
    for (const { body } of [one, two]) assert.equal(unseal(web.node_secret_key, body), 'hünter2')
  })

  it('open with the key of a Go node as it is', async () => {
    await using plane = await startControlPlane()
    const node = await plane.enrol('go', { capabilities: null, userAgent: 'plexd/1.0' })
    assert.equal(node.node_secret_key.length, 32)
    const api = plane.clientFor(node.node_secret_key)
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { node_id: node.node_id }, value: 'v' },
    })
    const { body } = await api.getSecret({ params: { node_id: node.node_id, key: 'k' } })
    assert.equal(unseal(node.node_secret_key, body), 'v')
  })

  it('are 403 for nodes they are not for, and 404 where there is none', async () => {
    await using plane = await startControlPlane()
    const { web, dev } = await setUp(plane)
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { node_id: web.node_id }, value: 'v' },
    })
    await web.api.getSecret({ params: { node_id: web.node_id, key: 'k' } })
    const ask = (key: string) => dev.api.getSecret({ params: { node_id: dev.node_id, key } })
    await assert.rejects(ask('k'), { status: 403, message: 'secret "k" is not for this node' })
    await assert.rejects(ask('other'), { status: 404, message: 'there is no secret "other"' })
  })

  it('are told of by name and version, and never shown to operators', async () => {
    await using plane = await startControlPlane()
    const { web } = await setUp(plane)
    await using events = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
    const put = (value: string) =>
      plane.admin.putSecret({
        params: { key: 'k' },
        body: { target: { selector: 'env=prod' }, value },
      })
    const { body } = await put('s3cret-value')
    assert.deepEqual((await events.next('node_secrets_updated')).payload, {
      secret_refs: [{ key: 'k', version: 1 }],
    })
    assert.deepEqual((await put('s3cret-value')).body, body)
    assert.equal((await put('other')).body.version, 2)
    const { items } = (await plane.admin.listSecrets({})).body
    assert.deepEqual(items, [{ ...items[0], key: 'k', version: 2 }])
    assert.ok(!JSON.stringify(items).includes('other'))
    await plane.admin.deleteSecret({ params: { key: 'k' }, query: { selector: 'env=prod' } })
    await events.next('node_secrets_updated')
    assert.deepEqual((await events.next('node_secrets_updated')).payload, { secret_refs: [] })
  })

  it('are on disk sealed only', async () => {
    await using plane = await startControlPlane()
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { selector: '*' }, value: 's3cret-value' },
    })
    const rows = await plane.app.store.reader.selectFrom('secrets').selectAll().execute()
    assert.ok(!JSON.stringify(rows).includes('s3cret-value'))
  })

  it('are no larger than 256 KiB', async () => {
    await using plane = await startControlPlane()
    const put = (length: number) =>
      plane.admin.putSecret({
        params: { key: 'k' },
        body: { target: { selector: '*' }, value: 'x'.repeat(length) },
      })
    assert.equal((await put(256 * 1024)).status, 200)
    await assert.rejects(put(256 * 1024 + 1), { status: 400 })
  })
})
