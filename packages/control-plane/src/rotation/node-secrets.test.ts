import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unseal } from '@plexd/runtime/testing'
import { openEventReader } from '../testing/event-reader.ts'
import {
  type EnrolledNode,
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
  withControlPlane,
} from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

describe('the secrets of a node that rotates its key', () => {
  it('are renewed; the old ones work until a new one is used, and never again', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const { node_secret_key = '', node_token = '' } = await rotate(web)
    assert.equal(new Set([web.node_secret_key, node_secret_key, web.token, node_token]).size, 4)
    assert.equal(await works(plane, web, web.token), true)
    assert.equal(await works(plane, web, web.node_secret_key), true)

    assert.equal(await works(plane, web, node_token), true)

    assert.equal(await works(plane, web, web.token), false)
    assert.equal(await works(plane, web, web.node_secret_key), false)
    assert.equal(await works(plane, web, node_secret_key), true)
  })

  it('are renewed for a node that knows no token but its NSK', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { nskFormat: 'raw32' })
    const { node_secret_key = '' } = await rotate(web)
    assert.equal(node_secret_key.length, 32)
    assert.equal(await works(plane, web, node_secret_key), true)
    assert.equal(await works(plane, web, web.node_secret_key), false)
  })

  it('are given again while their arrival is not proven, also after a restart, and not after it', async () => {
    await using folder = await makeTemporaryFolder()
    const { web, key, first } = await withControlPlane(folder.path, async (plane) => {
      const web = await plane.enrol('web')
      const key = newPublicKey()
      return { web, key, first: await rotate(web, key) }
    })
    await withControlPlane(folder.path, async (plane) => {
      const api = plane.clientFor(web.token)
      assert.deepEqual(await rotate({ ...web, api }, key), first)
      assert.equal(await works(plane, web, first.node_token ?? ''), true)
    })
    await withControlPlane(folder.path, async (plane) => {
      assert.equal(await works(plane, web, web.token), false)
      const api = plane.clientFor(first.node_token ?? '')
      assert.deepEqual(await rotate({ ...web, api }, key), { updated_peers: [] })
    })
  })

  it('stay those on their way when the node comes with yet another key', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const first = await rotate(web)
    const second = await rotate(web)
    assert.equal(second.node_token, first.node_token)
    assert.equal(second.node_secret_key, first.node_secret_key)
  })

  it('seal what the node asks for by the token that it asks with', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const target = { node_id: web.node_id }
    await plane.admin.putSecret({ params: { key: 'k' }, body: { target, value: 'v' } })
    const { node_secret_key = '', node_token = '' } = await rotate(web)
    const read = async (token: string) =>
      (await plane.clientFor(token).getSecret({ params: { node_id: web.node_id, key: 'k' } })).body
    assert.equal(unseal(web.node_secret_key, await read(web.token)), 'v')
    assert.equal(unseal(node_secret_key, await read(node_token)), 'v')
  })

  it('end the stream that was opened with the old ones', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await using old = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
    const { node_token = '' } = await rotate(web)
    await old.next('resync')

    await using now = await openEventReader(plane.url, { token: node_token, nodeId: web.node_id })
    await old.ended
    await plane.enrol('db')
    await now.next('peer_added')
  })

  it('let the node say goodbye once more, by the new token as well', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const { node_token = '' } = await rotate(web)
    const params = { node_id: web.node_id }
    await web.api.deregister({ params })
    assert.equal((await plane.clientFor(node_token).deregister({ params })).status, 200)
  })
})

async function rotate(
  { api, node_id }: Pick<EnrolledNode, 'api' | 'node_id'>,
  key = newPublicKey(),
) {
  return (await api.rotateKeys({ body: { node_id, new_public_key: key } })).body
}

async function works(plane: TestControlPlane, node: EnrolledNode, token: string): Promise<boolean> {
  const params = { node_id: node.node_id }
  return plane
    .clientFor(token)
    .heartbeat({ params, body: {} })
    .then(
      () => true,
      () => false,
    )
}
