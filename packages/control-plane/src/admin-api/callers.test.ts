import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type AdminApi, adminApi, fillPath, type Operation } from '@plexd/protocol'
import { type EnrolledNode, startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { addOperator, type TestOperator } from '../testing/operators.ts'

const rows = Object.entries(adminApi) as [keyof AdminApi, Operation][] // the rows of the table

describe('who may call the admin API', () => {
  let plane: TestControlPlane
  let web: EnrolledNode
  let viewer: TestOperator
  let stranger: TestOperator
  before(async () => {
    plane = await startControlPlane({ config: { limits: { wrong_tokens: 1_000 } } })
    web = await plane.enrol('web')
    viewer = await addOperator(plane, { role: 'viewer' })
    stranger = await addOperator(plane, { tenant: 'other' })
  })
  after(() => plane[Symbol.asyncDispose]())

  const ask = async (operation: Operation, token: string | undefined): Promise<number> => {
    const params = { node: 'web', key: 'k', name: 'allow-all', kind: 'logs', token_id: 'tok_x' }
    const others = { execution_id: 'exec_x', version: '1', os: 'linux', arch: 'amd64' }
    const answer = await fetch(plane.url + fillPath(operation.path, { ...params, ...others }), {
      method: operation.method,
      signal: AbortSignal.timeout(5_000),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(operation.request ? { 'content-type': 'application/json' } : {}),
      },
      ...(operation.request ? { body: '[]' } : {}),
    })
    await answer.body?.cancel()
    return answer.status
  }

  for (const [name, operation] of rows) {
    it(`${name}: answers 401 without a token, for one nobody has, and for that of a node`, async () => {
      for (const token of [undefined, 'plx_admin_nobody', web.token])
        assert.equal(await ask(operation, token), 401)
    })

    it(`${name}: ${operation.auth === 'owner' ? 'answers 403 to a viewer' : 'lets a viewer in'}`, async () => {
      const status = await ask(operation, viewer.token)
      if (operation.auth === 'owner') assert.equal(status, 403)
      else assert.ok([200, 404].includes(status), `answered ${status}`)
    })

    if (operation.path.includes('{node}'))
      it(`${name}: answers 404 for the node of another tenant`, async () => {
        // A body that does not fit would be refused before anybody looks for the node.
        const status = await ask(operation, stranger.token)
        assert.equal(status, operation.request ? 400 : 404)
      })
  }

  it('shows one tenant nothing of another', async () => {
    await plane.admin.putData({
      params: { key: 'k' },
      body: { target: { selector: '*' }, content_type: 'text/plain', payload: 'x' },
    })
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { selector: '*' }, value: 'x' },
    })
    const { body: token } = await plane.admin.createToken({ body: {} })
    const { api } = stranger
    const lists = [api.listNodes, api.listData, api.listSecrets, api.listTokens, api.listPolicies]
    for (const list of lists) assert.deepEqual((await list({})).body.items, [])
    assert.equal((await api.listAdminTokens({})).body.items.length, 1)
    const body = { target: { node_id: web.node_id }, content_type: 'text/plain', payload: 'x' }
    const attempts = [
      api.putData({ params: { key: 'k' }, body }),
      api.putSecret({ params: { key: 'k' }, body: { target: body.target, value: 'x' } }),
      api.deleteData({ params: { key: 'k' }, query: { selector: '*' } }),
      api.deleteSecret({ params: { key: 'k' }, query: { selector: '*' } }),
      api.revokeToken({ params: { token_id: token.id } }),
      api.setNodeMetadata({ params: { node: web.node_id }, body: { set: { a: 'b' } } }),
      api.runAction({ params: { node: web.node_id }, body: { action: 'x' } }),
      api.deletePolicy({ params: { name: 'allow-all' } }),
    ]
    for (const attempt of attempts) await assert.rejects(attempt, { status: 404 })
  })
})
