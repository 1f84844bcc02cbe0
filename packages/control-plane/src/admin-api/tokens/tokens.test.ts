import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Metadata } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { newPublicKey, startControlPlane, type TestControlPlane } from '../../testing/harness.ts'

const enrolWith = (plane: TestControlPlane, token: string, hostname = 'web') =>
  plane.anonymous.register({
    body: { token, public_key: newPublicKey(), hostname, capabilities: {} },
  })

describe('bootstrap tokens', () => {
  it('are made with a lifetime of an hour and what the node shall start with', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const { status, body } = await plane.admin.createToken({
      body: { hostname: 'web-01', metadata: { env: 'prod' }, nsk_format: 'raw32' },
    })
    assert.equal(status, 201)
    assert.match(body.token, /^plx_enroll_/)
    assert.equal(body.expires_at, new Date(clock.now() + 3_600_000).toISOString())
    const node = await enrolWith(plane, body.token, 'ignored')
    assert.equal(node.body.node_secret_key.length, 32)
    const { body: detail } = await plane.admin.getNode({ params: { node: 'web-01' } })
    assert.deepEqual(detail.labels, { env: 'prod' })
    const [listed] = (await plane.admin.listTokens({})).body.items
    assert.deepEqual([listed?.id, listed?.node_id], [body.id, node.body.node_id])
    assert.ok(listed && !('token' in listed))
  })

  it('are worthless once revoked, and a second time there is nothing to revoke', async () => {
    await using plane = await startControlPlane()
    const { body } = await plane.admin.createToken({ body: {} })
    const params = { token_id: body.id }
    assert.equal((await plane.admin.revokeToken({ params })).status, 200)
    await assert.rejects(enrolWith(plane, body.token), { status: 401 })
    await assert.rejects(plane.admin.revokeToken({ params }), { status: 404 })
    assert.deepEqual((await plane.admin.listTokens({})).body.items, [])
  })

  it('are refused with a lifetime or metadata out of bounds', async () => {
    await using plane = await startControlPlane()
    for (const ttl of ['1s', '721h', 'soon', '-1h'])
      await assert.rejects(plane.admin.createToken({ body: { ttl } }), {
        status: 400,
        message: `ttl "${ttl}": want a duration from "1m" to "720h"`,
      })
    const labels: Metadata[] = [{ 'reported.a': 'c' }, { '': 'c' }, { a: 'x'.repeat(2_000) }]
    for (const metadata of labels)
      await assert.rejects(plane.admin.createToken({ body: { metadata } }), { status: 400 })
  })

  it('come in pages', async () => {
    await using plane = await startControlPlane()
    for (let count = 0; count < 5; count++) await plane.admin.createToken({ body: {} })
    const ids: string[] = []
    let after: string | undefined
    do {
      const { body } = await plane.admin.listTokens({
        query: { limit: '2', ...(after ? { after } : {}) },
      })
      assert.ok(body.items.length <= 2)
      ids.push(...body.items.map(({ id }) => id))
      after = body.next ?? undefined
    } while (after !== undefined)
    assert.equal(new Set(ids).size, 5)
    assert.equal(ids.length, 5)
    for (const query of [{ limit: '0' }, { limit: 'x' }, { after: 'x' }])
      await assert.rejects(plane.admin.listTokens({ query }), { status: 400 })
  })
})

describe('admin tokens', () => {
  it('work from the moment of their making until they are revoked', async () => {
    await using plane = await startControlPlane()
    const { status, body } = await plane.admin.createAdminToken({
      body: { name: 'grafana', role: 'viewer' },
    })
    assert.equal(status, 201)
    const whoAmI = async (): Promise<Response> =>
      fetch(`${plane.url}/admin/v1/whoami`, { headers: { authorization: `Bearer ${body.token}` } })
    assert.deepEqual(await (await whoAmI()).json(), {
      name: 'grafana',
      role: 'viewer',
      tenant: 'default',
    })
    await plane.admin.revokeAdminToken({ params: { token_id: body.id } })
    assert.equal((await whoAmI()).status, 401)
    await assert.rejects(plane.admin.revokeAdminToken({ params: { token_id: body.id } }), {
      status: 404,
    })
  })

  it('have names of their own', async () => {
    await using plane = await startControlPlane()
    const body = { name: 'ci', role: 'owner' as const }
    await plane.admin.createAdminToken({ body })
    await assert.rejects(plane.admin.createAdminToken({ body }), { status: 409 })
  })

  it('keep their last owner', async () => {
    await using plane = await startControlPlane()
    const [first] = (await plane.admin.listAdminTokens({})).body.items
    await plane.admin.createAdminToken({ body: { name: 'eyes', role: 'viewer' } })
    const params = { token_id: first?.id ?? '' }
    await assert.rejects(plane.admin.revokeAdminToken({ params }), { status: 409 })
    await plane.admin.createAdminToken({ body: { name: 'second', role: 'owner' } })
    assert.equal((await plane.admin.revokeAdminToken({ params })).status, 200)
  })

  it('are on disk as hashes only', async () => {
    await using plane = await startControlPlane()
    const { body } = await plane.admin.createAdminToken({ body: { name: 'ci', role: 'owner' } })
    const rows = await plane.app.store.reader.selectFrom('admin_tokens').selectAll().execute()
    assert.ok(!JSON.stringify(rows).includes(body.token))
  })
})
