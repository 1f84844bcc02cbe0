import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Metadata } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import type { EnrolledNode } from '../testing/harness.ts'
import { openControlPlane } from '../testing/open-control-plane.ts'

describe('a node that claims labels', () => {
  const warnings: Record<string, unknown>[] = []
  const log = {
    ...silentLog,
    warn: (message: string, fields = {}) => void warnings.push({ message, ...fields }),
  }
  const plane = openControlPlane({ log })
  let prod: EnrolledNode
  let impostor: EnrolledNode

  const stateOf = async (node: EnrolledNode) => (await node.api.getState({ params: node })).body
  const secretOf = (node: EnrolledNode, key: string) =>
    node.api.getSecret({ params: { node_id: node.node_id, key } })
  const write = (key: string, selector: string) =>
    Promise.all([
      plane.admin.putData({
        params: { key },
        body: { target: { selector }, content_type: 'text/plain', payload: 'data' },
      }),
      plane.admin.putSecret({ params: { key }, body: { target: { selector }, value: 's3cret' } }),
    ])
  const allow = (name: string, from: string) =>
    plane.admin.putPolicy({
      params: { name },
      body: { name, rules: [{ from, to: 'env=prod', action: 'allow' }] },
    })

  before(async () => {
    await plane.admin.deletePolicy({ params: { name: 'allow-all' } })
    await allow('prod', 'env=prod')
    await write('db/password', 'env=prod')
    prod = await plane.enrol('prod', { metadata: { env: 'prod' } })
    impostor = await plane.enrol('impostor', {
      metadata: { role: 'web' },
      reported: { env: 'prod', role: 'db', os: 'linux', ['__proto__']: 'x' } as Metadata,
    })
  })

  it('gets no secret, no data and no peer by them', async () => {
    assert.equal((await secretOf(prod, 'db/password')).status, 200)
    await assert.rejects(secretOf(impostor, 'db/password'), { status: 403 })
    const state = await stateOf(impostor)
    assert.deepEqual([state.peers, state.data, state.secret_refs], [[], [], []])
    assert.deepEqual(
      state.policies.flatMap(({ rules }) => rules),
      [],
    )
    assert.deepEqual((await stateOf(prod)).peers, [])
  })

  it('gets none when they are written later, and hears of none', async () => {
    await write('later', 'env=prod')
    await allow('later', 'env=prod,env!=test')
    await assert.rejects(secretOf(impostor, 'later'), { status: 403 })
    const state = await stateOf(impostor)
    assert.deepEqual([state.peers, state.data, state.secret_refs], [[], [], []])
  })

  it('is told them, where no label says otherwise', async () => {
    const { metadata } = await stateOf(impostor)
    const told = { role: 'web', env: 'prod', os: 'linux', ['__proto__']: 'x' } as Metadata
    assert.deepEqual(metadata, told)
    const { body } = await plane.admin.getNode({ params: { node: 'impostor' } })
    assert.deepEqual(body.labels, { role: 'web' })
    assert.deepEqual(body.reported, { ...told, role: 'db' })
  })

  it('gets data that ask for what nodes say, and can be listed by it', async () => {
    const written = async (selector: string) => {
      await plane.admin.putData({
        params: { key: 'motd' },
        body: { target: { selector }, content_type: 'text/plain', payload: selector },
      })
      return (await stateOf(impostor)).data.map(({ key }) => key)
    }
    assert.deepEqual(await written('reported.os=linux,!env'), ['motd'])
    const listed = await plane.admin.listNodes({ query: { selector: 'reported.env=prod' } })
    assert.deepEqual(
      listed.body.items.map(({ hostname }) => hostname),
      ['impostor'],
    )
    await plane.admin.deleteData({
      params: { key: 'motd' },
      query: { selector: 'reported.os=linux,!env' },
    })
    assert.deepEqual((await stateOf(impostor)).data, [])
  })

  it('is asked by no policy and no secret, in words', async () => {
    const target = { selector: 'reported.env=prod' }
    const refused = { status: 400, message: /"reported.env": a node says that of itself/ }
    await assert.rejects(
      plane.admin.putSecret({ params: { key: 'x' }, body: { target, value: 'x' } }),
      refused,
    )
    await assert.rejects(allow('x', 'reported.env=prod'), refused)
  })

  it('has the labels whose keys its token lets it choose, and no others', async () => {
    const chosen = await plane.enrol('chosen', {
      metadata: { env: 'test' },
      nodeMaySet: ['team', 'env'],
      reported: { team: 'a', rack: 'r7', env: 'prod' },
    })
    const { body } = await plane.admin.getNode({ params: { node: chosen.node_id } })
    assert.deepEqual(body.labels, { env: 'test', team: 'a' })
    assert.deepEqual(body.reported, { rack: 'r7', env: 'prod' })
  })

  it('is enrolled however much it claims, and that is said once', async () => {
    const reported = Object.fromEntries(
      Array.from({ length: 400 }, (_, at) => [`\u001bkey ${at}`, 'x'.repeat(100)]),
    )
    const loud = await plane.enrol('loud', { reported })
    assert.equal(warnings.filter(({ node_id }) => node_id === loud.node_id).length, 1)
    const { body } = await plane.admin.setNodeMetadata({
      params: { node: 'loud' },
      body: { set: { env: 'test', team: 'Köln' } },
    })
    assert.deepEqual(body.labels, { env: 'test', team: 'Köln' })
    assert.equal(body.warnings.length, 1)
    assert.match(
      body.warnings[0] ?? '',
      /label "team" with value "Köln" .* no selector can ask for it: want .* in a value/,
    )
    assert.equal((await stateOf(loud)).metadata.team, 'Köln')
  })

  it('keeps to what only it can say: operators do not set it', async () => {
    const set = { 'reported.os': 'plan9' }
    await assert.rejects(plane.admin.setNodeMetadata({ params: { node: 'prod' }, body: { set } }), {
      status: 400,
      message: /"reported.os": what begins with "reported." is what a node says/,
    })
    await assert.rejects(plane.admin.createToken({ body: { metadata: set } }), { status: 400 })
    await assert.rejects(plane.admin.createToken({ body: { node_may_set: ['reported.os'] } }), {
      status: 400,
    })
  })
})
