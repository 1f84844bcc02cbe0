import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { importVerifyKey, refusalOf } from '@plexd/protocol'
import { openEventReader } from '../../testing/event-reader.ts'
import { startControlPlane } from '../../testing/harness.ts'

describe('signing keys', () => {
  it('are rotated with a transition period, of which every node hears', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await using events = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
    const { body } = await plane.admin.rotateSigningKey({ body: { transition_period: '1h' } })
    assert.deepEqual([body.state, body.expires_at], ['current', null])
    const { envelope, payload } = await events.next('signing_key_rotated')
    assert.equal(payload.current, body.public_key)
    assert.equal(payload.new_signing_public_key, body.public_key)
    assert.equal(payload.previous, web.signing_public_key)
    const keys = [await importVerifyKey(web.signing_public_key)]
    assert.equal(await refusalOf(envelope, { keys, nowMs: Date.now() }), undefined)
    const { items } = (await plane.admin.listSigningKeys({})).body
    assert.deepEqual(
      items.map(({ state }) => state),
      ['previous', 'current'],
    )
    assert.ok(!JSON.stringify(items).includes('private'))
  })

  it('are not rotated again while a transition is under way', async () => {
    await using plane = await startControlPlane()
    await plane.admin.rotateSigningKey({ body: {} })
    await assert.rejects(plane.admin.rotateSigningKey({ body: {} }), { status: 409 })
  })

  it('refuse a transition period out of bounds', async () => {
    await using plane = await startControlPlane()
    for (const transition_period of ['0s', '721h', 'long'])
      await assert.rejects(plane.admin.rotateSigningKey({ body: { transition_period } }), {
        status: 400,
      })
  })
})
