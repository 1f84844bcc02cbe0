import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

/** As a migration leaves them: who set `env` nobody knows. */
async function unconfirm(plane: TestControlPlane, hostname: string): Promise<void> {
  await plane.app.store.write((tx) =>
    tx
      .updateTable('nodes')
      .set({ labels_unconfirmed: '["env","__proto__"]' })
      .where('hostname', '=', hostname)
      .execute(),
  )
}

async function setUp(plane: TestControlPlane) {
  const rules = [
    { from: 'env', to: '*', action: 'allow' as const },
    { from: '*', to: 'env=prod', action: 'deny' as const },
    { from: 'role=web', to: '*', action: 'allow' as const },
  ]
  await plane.admin.putPolicy({ params: { name: 'p' }, body: { name: 'p', rules } })
  const target = { selector: 'env=prod' }
  await plane.admin.putSecret({ params: { key: 's' }, body: { target, value: 'x' } })
  await plane.admin.putData({
    params: { key: 'd' },
    body: {
      target: { selector: 'reported.env' },
      content_type: 'text/plain',
      payload: 'x',
    },
  })
  const web = await plane.enrol('web', { metadata: { env: 'prod', role: 'web' } })
  const db = await plane.enrol('db', { metadata: { env: 'prod' } })
  await unconfirm(plane, 'web')
  return { web, db }
}

describe('unconfirmed labels', () => {
  it('are listed with what would change without them, deny rules first', async () => {
    await using plane = await startControlPlane()
    await setUp(plane)

    const { items } = (await plane.admin.listUnconfirmedLabels({})).body

    assert.deepEqual(
      items.map(({ key }) => key),
      ['__proto__', 'env'],
    )
    assert.deepEqual(items[1], {
      key: 'env',
      nodes: 1,
      hostnames: ['web'],
      values: ['prod'],
      changes: [
        { kind: 'policy', name: 'p', rule: 1, action: 'deny', selector: 'env=prod', nodes: 1 },
        { kind: 'policy', name: 'p', rule: 0, action: 'allow', selector: 'env', nodes: 1 },
        { kind: 'secret', name: 's', selector: 'env=prod', nodes: 1 },
        { kind: 'data', name: 'd', selector: 'reported.env', nodes: 1 },
      ],
    })
  })

  it('are reports once they are dropped, and rights go with them at once', async () => {
    await using plane = await startControlPlane()
    const { web, db } = await setUp(plane)
    const state = async () => (await web.api.getState({ params: web })).body
    assert.deepEqual(
      (await state()).secret_refs.map(({ key }) => key),
      ['s'],
    )

    const { body } = await plane.admin.dropLabels({ body: { keys: ['env'] } })

    assert.equal(body.nodes, 1)
    const { secret_refs, data, metadata } = await state()
    assert.deepEqual([secret_refs, data.map(({ key }) => key)], [[], ['d']])
    assert.deepEqual(metadata, { role: 'web', env: 'prod' })
    await assert.rejects(web.api.getSecret({ params: { node_id: web.node_id, key: 's' } }), {
      status: 403,
    })
    const other = (await db.api.getState({ params: db })).body
    assert.deepEqual(
      other.secret_refs.map(({ key }) => key),
      ['s'],
    )
    const rest = (await plane.admin.listUnconfirmedLabels({})).body.items
    assert.deepEqual(
      rest.map(({ key }) => key),
      ['__proto__'],
    )
  })

  it('are cut to the bounds of reports when they are dropped', async () => {
    await using plane = await startControlPlane({ config: { limits: { metadata_value_bytes: 3 } } })
    const { web } = await setUp(plane)
    await plane.admin.dropLabels({ body: { keys: ['env'] } })
    assert.deepEqual((await web.api.getState({ params: web })).body.metadata, { role: 'web' })
  })

  it('are confirmed by name, by being set, or all together, and change nothing then', async () => {
    await using plane = await startControlPlane()
    await setUp(plane)
    const keys = async () =>
      (await plane.admin.listUnconfirmedLabels({})).body.items.map(({ key }) => key)
    const head = plane.app.heads.last()

    await plane.admin.confirmLabels({ body: { keys: ['__proto__'] } })
    assert.deepEqual(await keys(), ['env'])
    await plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { env: 'prod' } } })
    assert.deepEqual(await keys(), [])
    await unconfirm(plane, 'web')
    assert.equal((await plane.admin.confirmLabels({ body: {} })).body.nodes, 1)

    assert.deepEqual(await keys(), [])
    assert.equal(plane.app.heads.last(), head)
  })

  it('are named at each start, with every rule, secret and data entry by them', async () => {
    await using folder = await makeTemporaryFolder()
    const start = (warn: (message: string, fields?: Record<string, unknown>) => void) =>
      startControlPlane({ dataDir: folder.path, log: { ...silentLog, warn } })
    {
      await using plane = await start(() => {})
      await setUp(plane)
    }
    for (const _ of ['first', 'second']) {
      const lines: string[] = []
      await using plane = await start((message, { kind, name, action } = {}) => {
        if (kind) lines.push([kind, name, action].filter(Boolean).join(' '))
        else lines.push(message)
      })
      assert.deepEqual(lines, [
        'labels that nodes may have set themselves wait to be confirmed',
        'policy p deny',
        'policy p allow',
        'secret s',
        'data d',
      ])
      assert.ok(plane.url)
    }
  })
})
