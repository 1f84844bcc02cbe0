import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
  withControlPlane,
} from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { addOperator } from '../../testing/operators.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

describe('renameNode', () => {
  it('changes the name and nothing else; the old one is free', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web-01')
    await putSecret(plane, web.node_id)

    const { body } = await plane.admin.renameNode({
      params: { node: 'Web-01' },
      body: { hostname: 'WWW.example.com.' },
    })

    assert.equal(body.hostname, 'www.example.com')
    assert.equal(body.id, web.node_id)
    assert.equal(
      (await plane.admin.getNode({ params: { node: 'www.example.com' } })).body.id,
      body.id,
    )
    assert.equal((await web.api.getState({ params: web })).body.secret_refs.length, 1)
    await plane.enrol('web-01')
  })

  it('refuses a name that is none, one that is taken, and a node that is not there', async () => {
    await using plane = await startControlPlane()
    const [web] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const rename = (node: string, hostname: string) =>
      plane.admin.renameNode({ params: { node }, body: { hostname } })

    await assert.rejects(rename('web-01', web.node_id), isError(400, /^hostname: parse host/))
    await assert.rejects(rename('web-01', 'DB-01'), isError(409, /"db-01" is taken/))
    await assert.rejects(rename('web-03', 'x'), isError(404, /no node "web-03"/))
    assert.equal((await rename('web-01', 'WEB-01')).body.hostname, 'web-01')
  })
})

describe('a new name', () => {
  it('reaches peers as a change of the peer, and the node itself as one of its state', async () => {
    await using plane = await startControlPlane()
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    const listen = ({ token, node_id: nodeId }: typeof web) =>
      openEventReader(plane.url, { token, nodeId })
    await using own = await listen(web)
    await using peers = await listen(db)

    await plane.admin.renameNode({ params: { node: 'web' }, body: { hostname: 'www' } })

    const { payload } = await peers.next('peer_endpoint_changed')
    assert.deepEqual([payload.id, payload.hostname], [web.node_id, 'www'])
    await own.next('resync')
    const stateOf = async (node: typeof web) => (await node.api.getState({ params: node })).body
    assert.equal((await stateOf(web)).hostname, 'www')
    const seen = (await stateOf(db)).peers.map(({ id, hostname }) => [id, hostname])
    assert.deepEqual(seen, [[web.node_id, 'www']])
  })
})

describe('the name of a node', () => {
  it('stands beside its id in whatever is listed, also once it is removed', async () => {
    await using plane = await startControlPlane()
    const { admin } = plane
    const { body: token } = await admin.createToken({ body: {} })
    assert.equal(token.node_hostname, null)
    const web = await enrolWith(plane, token.token)
    const params = { node: 'web-01' }
    await putSecret(plane, web.node_id)
    const target = { node_id: web.node_id }
    const body = { target, content_type: 'text/plain', payload: 'x' }
    await admin.putData({ params: { key: 'k' }, body })
    await plane.clientFor(web.token).putCapabilities({
      params: web,
      body: { builtin_actions: [{ name: 'ping' }] },
    })
    const { body: execution } = await admin.runAction({ params, body: { action: 'ping' } })
    const execution_id = execution.id
    const ids = () => [
      admin.listData({}).then((answer) => answer.body.items[0]?.target.node_hostname),
      admin.listSecrets({}).then((answer) => answer.body.items[0]?.target.node_hostname),
      admin.listTokens({}).then((answer) => answer.body.items[0]?.node_hostname),
      admin.listExecutions({ params }).then((answer) => answer.body.items[0]?.node_hostname),
      admin.getExecution({ params: { execution_id } }).then(({ body }) => body.node_hostname),
    ]

    assert.equal(execution.node_hostname, 'web-01')
    assert.deepEqual(await Promise.all(ids()), Array(5).fill('web-01'))
    await admin.removeNode({ params })
    const [, , ...kept] = await Promise.all(ids())
    assert.deepEqual(kept, Array(3).fill('web-01'))
  })
})

describe('the names of nodes', () => {
  it('are not for operators of other tenants, who may write any id into a rule', async () => {
    await using plane = await startControlPlane()
    const [there, gone] = [await plane.enrol('web-01'), await plane.enrol('web-02')]
    await plane.admin.removeNode({ params: { node: gone.node_id } })
    const { api } = await addOperator(plane, { tenant: 'other' })
    const rule = { from: there.node_id, to: gone.node_id, action: 'allow' } as const
    const { body } = await api.putPolicy({
      params: { name: 'p' },
      query: {},
      body: { name: 'p', rules: [rule] },
    })
    const nameless = { [there.node_id]: '', [gone.node_id]: '' }
    assert.deepEqual(body.node_hostnames, nameless)
    assert.doesNotMatch(body.warnings.join(), /web-0/)
    const shown = (await api.getPolicy({ params: { name: 'p' } })).body
    assert.deepEqual(shown.node_hostnames, nameless)
  })
})

async function enrolWith({ anonymous }: TestControlPlane, token: string) {
  const body = { token, public_key: newPublicKey(), hostname: 'web-01' }
  const { body: web } = await anonymous.register({ body })
  return { ...web, token: web.node_token ?? web.node_secret_key }
}

describe('an id', () => {
  it('is what a data entry and a secret are for, never a name', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web-01')
    await assert.rejects(
      putSecret(plane, 'web-01'),
      isError(400, /^target: node_id "web-01" is no id: want "n_…"/),
    )
    await assert.rejects(
      plane.admin.putData({
        params: { key: 'k' },
        body: { target: { node_id: 'web-01' }, content_type: 'text/plain', payload: '' },
      }),
      isError(400, /is no id/),
    )
  })
})

describe('names that an older version took', () => {
  it('do not stop the start, are named, and never stand for an id', async () => {
    await using folder = await makeTemporaryFolder()
    const { victim, impostor } = await withControlPlane(folder.path, async (old) => {
      const [victim, impostor] = [await old.enrol('db-01'), await old.enrol('web-01')]
      await rewrite(old, impostor.node_id, victim.node_id)
      return { victim, impostor }
    })
    const warned: unknown[] = []
    const log = {
      ...silentLog,
      warn: (message: string, fields = {}) => warned.push([message, Object(fields).node_id]),
    }
    await using plane = await startControlPlane({ dataDir: folder.path, log })

    assert.deepEqual(warned, [
      ['hostname breaks the rule, rename the node with "plexctl node rename"', impostor.node_id],
    ])
    await putSecret(plane, victim.node_id)
    const refsOf = async ({ node_id, token }: typeof victim) =>
      (await plane.clientFor(token).getState({ params: { node_id } })).body.secret_refs
    assert.equal((await refsOf(victim)).length, 1)
    assert.deepEqual(await refsOf(impostor), [])
    const shown = (await plane.admin.getNode({ params: { node: impostor.node_id } })).body
    assert.match(shown.hostname_trouble, /^parse hostname "n_/)
    await plane.admin.removeNode({ params: { node: victim.node_id }, query: {} })
    await assert.rejects(putSecret(plane, victim.node_id), isError(404, /there is no node "n_/))

    const { body } = await plane.admin.renameNode({
      params: { node: impostor.node_id },
      body: { hostname: 'web-02' },
    })
    assert.equal(body.hostname_trouble, '')
  })

  it('may differ in case alone: both are shown, and are asked for by id', async () => {
    await using folder = await makeTemporaryFolder()
    const [web, other] = await withControlPlane(folder.path, async (old) => {
      const nodes = [await old.enrol('web-01'), await old.enrol('web-02')] as const
      await rewrite(old, nodes[1].node_id, 'Web-01')
      return nodes
    })
    await using plane = await startControlPlane({ dataDir: folder.path })

    const { items } = (await plane.admin.listNodes({ query: {} })).body
    assert.deepEqual(
      items.map(({ hostname_trouble }) => hostname_trouble),
      [
        `"web-01" is also the name of ${other.node_id}`,
        `"Web-01" is also the name of ${web.node_id}`,
      ],
    )
    const get = (node: string) => plane.admin.getNode({ params: { node } })
    await assert.rejects(
      get('web-01'),
      isError(400, /^"web-01" is the name of n_\w+ and n_\w+: say/),
    )
    await plane.admin.renameNode({ params: { node: other.node_id }, body: { hostname: 'web-02' } })
    assert.equal((await get('WEB-01')).body.hostname_trouble, '')
  })
})

function putSecret({ admin }: TestControlPlane, node_id: string) {
  return admin.putSecret({ params: { key: 'k' }, body: { target: { node_id }, value: 'v' } })
}

/** What an older version would have stored. */
function rewrite({ app }: TestControlPlane, id: string, hostname: string): Promise<unknown> {
  return app.store.write((tx) =>
    tx.updateTable('nodes').set({ hostname }).where('id', '=', id).execute(),
  )
}
