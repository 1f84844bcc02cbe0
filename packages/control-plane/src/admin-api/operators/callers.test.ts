import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { type EnrolledNode, startControlPlane } from '../../testing/harness.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'
import { addOperator, type TestOperator } from '../../testing/operators.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

describe('an operator of another tenant', () => {
  const plane = openControlPlane({ config: { limits: { wrong_tokens: 1_000 } } })
  let web: EnrolledNode
  let stranger: TestOperator
  before(async () => {
    web = await plane.enrol('web')
    stranger = await addOperator(plane, { tenant: 'other' })
  })

  it('sees and changes nothing', async () => {
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
    await Promise.all(attempts.map((attempt) => assert.rejects(attempt, { status: 404 })))
  })

  it('reads what all tenants share, and changes none of it', async () => {
    const { api } = stranger
    const binary = { version: '1.0.0', os: 'linux', arch: 'amd64' }
    const body = Buffer.from('plexd')
    await plane.admin.putArtifact({ params: binary, body })
    const keys = (await plane.admin.listSigningKeys({})).body

    const attempts = [
      api.rotateMasterKey({}),
      api.rotateSigningKey({ body: {} }),
      api.putArtifact({ params: { ...binary, version: '1.0.1' }, body }),
      api.deleteArtifact({ params: binary }),
    ]
    await Promise.all(
      attempts.map((attempt) =>
        assert.rejects(attempt, {
          status: 403,
          message:
            'tenant "other" may not change what all tenants share: ask an owner of the tenant that the installation began with',
        }),
      ),
    )

    assert.deepEqual((await api.listSigningKeys({})).body, keys)
    assert.equal((await api.listArtifacts({})).body.items.length, 1)
  })
})

describe('an owner of the first tenant', () => {
  it('has the rights to what all tenants share, also when a clock says that another tenant is older', async () => {
    const clock = createFakeClock()
    await using folder = await makeTemporaryFolder()
    {
      await using plane = await startControlPlane({ dataDir: folder.path, clock })
      clock.step(-3_600_000)
      await addOperator(plane, { tenant: 'older' })
    }
    await using plane = await startControlPlane({ dataDir: folder.path, clock })

    assert.equal((await plane.admin.rotateSigningKey({ body: {} })).status, 200)
  })
})
