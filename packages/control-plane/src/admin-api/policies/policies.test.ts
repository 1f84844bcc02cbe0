import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyRule } from '@plexd/protocol'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const put = (plane: TestControlPlane, name: string, rules: PolicyRule[]) =>
  plane.admin.putPolicy({ params: { name }, body: { name, rules } })

const stateOf = async (node: EnrolledNode) =>
  (await node.api.getState({ params: { node_id: node.node_id } })).body

describe('policies', () => {
  it('start with one that allows everything', async () => {
    await using plane = await startControlPlane()
    const { items } = (await plane.admin.listPolicies({})).body
    assert.deepEqual(
      items.map(({ name, rules }) => ({ name, rules })),
      [{ name: 'allow-all', rules: [{ from: '*', to: '*', action: 'allow' }] }],
    )
  })

  it('are read one by one, with the names of the nodes that they name by id', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const { body } = await put(plane, 'p', [{ from: web.node_id, to: '*', action: 'deny' }])
    const { warnings: _, ...written } = body
    const get = async (name: string) => (await plane.admin.getPolicy({ params: { name } })).body

    assert.deepEqual(await get('p'), written)
    assert.deepEqual(written.node_hostnames, { [web.node_id]: 'web' })
    assert.deepEqual((await get('allow-all')).node_hostnames, {})
    await assert.rejects(get('q'), { status: 404, message: 'there is no policy "q"' })
    await plane.admin.removeNode({ params: { node: 'web' } })
    assert.deepEqual((await get('p')).node_hostnames, { [web.node_id]: 'web' })
  })

  it('apply in the order of their making, with allow-all at the end', async () => {
    await using plane = await startControlPlane()
    for (const name of ['z', 'a'])
      await put(plane, name, [{ from: '*', to: 'role=db', action: 'deny' }])
    const { items } = (await plane.admin.listPolicies({})).body
    assert.deepEqual(
      items.map(({ name }) => name),
      ['z', 'a', 'allow-all'],
    )
    await plane.admin.deletePolicy({ params: { name: 'allow-all' } })
    await put(plane, 'b', [])
    await put(plane, 'allow-all', [{ from: '*', to: '*', action: 'allow' }])
    await put(plane, 'c', [])
    const names = (await plane.admin.listPolicies({})).body.items.map(({ name }) => name)
    assert.deepEqual(names, ['z', 'a', 'b', 'c', 'allow-all'])
  })

  it('decide who sees whom, and tell those touched', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { metadata: { role: 'web' } })
    const db = await plane.enrol('db', { metadata: { role: 'db' } })
    const box = await plane.enrol('box')
    await put(plane, 'web-to-db', [
      { from: 'role=web', to: 'role=db', port: 5432, protocol: 'tcp', action: 'allow' },
    ])
    await using events = await openEventReader(plane.url, { token: box.token, nodeId: box.node_id })
    await plane.admin.deletePolicy({ params: { name: 'allow-all' } })
    const lost = [await events.next('peer_removed'), await events.next('peer_removed')]
    assert.deepEqual(
      lost.map(({ payload }) => payload.peer_id).sort(),
      [web.node_id, db.node_id].sort(),
    )
    assert.deepEqual((await events.next('policy_updated')).payload, { policies: [] })
    const state = await stateOf(db)
    assert.deepEqual(
      state.peers.map(({ id }) => id),
      [web.node_id],
    )
    assert.deepEqual(state.policies[0]?.rules, [
      {
        src: `${web.mesh_ip}/32`,
        dst: `${db.mesh_ip}/32`,
        port: 5432,
        protocol: 'tcp',
        action: 'allow',
      },
    ])
    assert.deepEqual((await stateOf(box)).peers, [])
  })

  it('keep their id and place when they change, and grow a revision', async () => {
    await using plane = await startControlPlane()
    const first = (await put(plane, 'p', [{ from: 'a', to: 'b', action: 'deny' }])).body
    const same = (await put(plane, 'p', [{ from: 'a', to: 'b', action: 'deny' }])).body
    const next = (await put(plane, 'p', [{ from: 'a', to: '*', action: 'deny' }])).body
    assert.deepEqual(same, first)
    assert.deepEqual([first.revision, next.revision, next.id], [1, 2, first.id])
  })

  it('have ids that follow their rules for Go nodes', async () => {
    await using plane = await startControlPlane()
    const node = await plane.enrol('go', { capabilities: null, userAgent: 'plexd/1.0' })
    const idOf = async () => (await stateOf(node)).policies[0]?.id
    const first = await idOf()
    assert.match(first ?? '', /^pol_\w+@[0-9a-f]{12}$/)
    await put(plane, 'allow-all', [
      { from: '*', to: '*', port: 22, protocol: 'tcp', action: 'allow' },
    ])
    assert.notEqual(await idOf(), first)
  })

  it('are refused with the rule, the field and the value that is wrong', async () => {
    await using plane = await startControlPlane()
    const bad: PolicyRule[] = [
      { from: '*', to: '*', action: 'allow' },
      { from: '192.168.0.0/16', to: 'a b', action: 'allow' },
    ]
    await assert.rejects(
      put(plane, 'p', bad),
      (error: Error & { details?: Record<string, unknown> }) => {
        assert.match(
          error.message,
          /^rule 1: from "192\.168\.0\.0\/16": .*not inside the mesh range/,
        )
        const problems = error.details?.problems as { rule: number; field: string; value: string }[]
        assert.deepEqual(
          problems.map(({ rule, field, value }) => [rule, field, value]),
          [
            [1, 'from', '192.168.0.0/16'],
            [1, 'to', 'a b'],
          ],
        )
        return true
      },
    )
    const misspelt = [
      { from: '*', to: '*', action: 'allow', prot: 'tcp' },
    ] as unknown as PolicyRule[]
    await assert.rejects(put(plane, 'p', misspelt), { status: 400 })
    const elsewhere = plane.admin.putPolicy({
      params: { name: 'p' },
      body: { name: 'q', rules: [] },
    })
    await assert.rejects(elsewhere, { status: 400 })
    await assert.rejects(put(plane, 'Upper', []), { status: 400 })
    await assert.rejects(plane.admin.deletePolicy({ params: { name: 'p' } }), { status: 404 })
  })

  it('say what in them does nothing, and are put all the same', async () => {
    await using plane = await startControlPlane()
    const gone = await plane.enrol('gone-01')
    await plane.enrol('web-01', { metadata: { role: 'web' } })
    await gone.api.deregister({ params: gone })
    await put(plane, 'lock', [{ from: '*', to: '*', action: 'deny' }])

    const { body } = await put(plane, 'p', [
      { from: gone.node_id, to: 'role=wbe', action: 'deny' },
      { from: 'node:web-01', to: '*', action: 'allow' },
    ])

    assert.equal(body.revision, 1)
    assert.deepEqual(body.warnings, [
      `rule 0: from "${gone.node_id}": that node, "gone-01", was removed`,
      'rule 0: to "role=wbe": it matches no node: no node has "role=wbe": did you mean "web"?',
      'rule 0: it does nothing, because rule 0 of "lock" comes first and denies all of it',
      'rule 1: it does nothing, because rule 0 of "lock" comes first and denies all of it',
    ])
    await assert.rejects(put(plane, 'q', [{ from: 'web-01', to: '*', action: 'deny' }]), {
      status: 400,
      message: 'rule 0: from "web-01": it is no label of any node: did you mean "node:web-01"?',
    })
  })

  it('tell beforehand how many pairs they join and cut, and change nothing then', async () => {
    await using plane = await startControlPlane()
    for (const name of ['web', 'db', 'box']) await plane.enrol(name)
    const query = { dry_run: 'true' } as const
    const lock = { name: 'lock', rules: [{ from: '*', to: 'node:box', action: 'deny' as const }] }

    const gone = await plane.admin.deletePolicy({ params: { name: 'allow-all' }, query })
    const half = await plane.admin.putPolicy({ params: { name: 'lock' }, query, body: lock })
    const none = await plane.admin.putPolicy({
      params: { name: 'lock' },
      query,
      body: { name: 'lock', rules: [] },
    })

    assert.deepEqual(gone.body, { warnings: [], pairs: { gained: 0, lost: 3 } })
    assert.deepEqual([half.body.revision, half.body.pairs], [1, { gained: 0, lost: 0 }])
    assert.deepEqual(none.body.pairs, { gained: 0, lost: 0 })
    const { items } = (await plane.admin.listPolicies({})).body
    assert.deepEqual(
      items.map(({ name, revision }) => [name, revision]),
      [['allow-all', 1]],
    )
  })

  it('follow a node that is renamed', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    await put(plane, 'p', [{ from: 'node:web-01', to: 'node:db-01', action: 'allow' }])
    await plane.admin.deletePolicy({ params: { name: 'allow-all' } })
    assert.equal((await stateOf(db)).peers.length, 1)
    await using events = await openEventReader(plane.url, { token: db.token, nodeId: db.node_id })
    const rename = (hostname: string) =>
      plane.admin.renameNode({ params: { node: web.node_id }, body: { hostname } })

    await rename('web-02')

    assert.equal((await events.next('peer_removed')).payload.peer_id, web.node_id)
    assert.deepEqual((await events.next('policy_updated')).payload, { policies: [] })
    assert.deepEqual((await stateOf(web)).policies, [])
    await rename('WEB-01')
    assert.equal((await events.next('peer_added')).payload.id, web.node_id)
  })
})
