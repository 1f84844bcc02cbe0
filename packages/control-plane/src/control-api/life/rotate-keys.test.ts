import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openEventReader } from '../../testing/event-reader.ts'
import { newPublicKey } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('POST /v1/keys/rotate', () => {
  const plane = openControlPlane()

  it('answers with the peers under new PSKs, and tells these the key and the same PSK', async () => {
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const old = (await web.api.getState({ params: web })).body.peers
    await using reader = await openEventReader(plane.url, { token: db.token, nodeId: db.node_id })
    const key = newPublicKey()

    const { status, body } = await web.api.rotateKeys({
      body: { node_id: web.node_id, new_public_key: key },
    })

    assert.equal(status, 200)
    const [peer] = body.updated_peers
    assert.deepEqual(body.updated_peers, [{ ...old[0], psk: peer?.psk }])
    assert.notEqual(peer?.psk, old[0]?.psk)
    const { payload } = await reader.next('peer_key_rotated')
    assert.deepEqual(payload, {
      id: web.node_id,
      hostname: 'web-01',
      peer_id: web.node_id,
      public_key: key,
      previous_public_key: web.publicKey,
      mesh_ip: web.mesh_ip,
      endpoint: '',
      allowed_ips: [`${web.mesh_ip}/32`],
      psk: peer?.psk,
      status: 'online',
    })
    assert.deepEqual((await web.api.getState({ params: web })).body.peers, body.updated_peers)
  })

  it('changes nothing when asked again for the same key', async () => {
    const web = await plane.enrol('web-02')
    const body = { node_id: web.node_id, new_public_key: newPublicKey() }
    const first = await web.api.rotateKeys({ body })
    const head = plane.app.heads.last()
    const second = await web.api.rotateKeys({ body })
    assert.deepEqual(second.body, first.body)
    assert.equal(plane.app.heads.last(), head)
    assert.equal(plane.app.fleet.node(web.node_id)?.key_epoch, 2)
  })

  it('keeps the key over a restart', async () => {
    const web = await plane.enrol('web-03')
    const key = newPublicKey()
    await web.api.rotateKeys({ body: { node_id: web.node_id, new_public_key: key } })
    const row = await plane.app.store.reader
      .selectFrom('nodes')
      .select(['public_key', 'key_epoch'])
      .where('id', '=', web.node_id)
      .executeTakeFirst()
    assert.deepEqual({ ...row }, { public_key: key, key_epoch: 2 })
  })

  it('answers 400, 401, 403 and 409', async () => {
    const [a, b] = [await plane.enrol('a'), await plane.enrol('b')]
    const call = (token: string, node_id: string, new_public_key: string) =>
      plane.clientFor(token).rotateKeys({ body: { node_id, new_public_key } })
    await assert.rejects(call(a.token, a.node_id, 'short'), isError(400, /new_public_key/))
    const one = new Uint8Array(32).fill(1, 0, 1).toBase64()
    await assert.rejects(call(a.token, a.node_id, one), isError(400, /new_public_key .* low order/))
    await assert.rejects(call('nobody', a.node_id, newPublicKey()), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, b.node_id, newPublicKey()), isError(403, /another node/))
    await assert.rejects(call(a.token, a.node_id, b.publicKey), isError(409, /another node/))
  })
})
