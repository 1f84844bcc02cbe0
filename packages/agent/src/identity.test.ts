import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  bearerOf,
  createIdentityStore,
  type Identity,
  loadIdentity,
  saveIdentity,
} from './identity.ts'
import { makeFolder } from './testing/node.ts'

const key = Buffer.alloc(32, 1).toString('base64')
const identity: Identity = {
  node_id: 'n_abc123',
  mesh_ip: '10.100.1.1',
  hostname: 'web-01',
  private_key: key,
  signing_public_key: key,
  node_secret_key: 'k'.repeat(32),
}

describe('identity', () => {
  it('is what was saved', async () => {
    await using folder = await makeFolder()
    assert.equal(await loadIdentity(folder.path, 'h'), undefined)
    await saveIdentity(folder.path, identity)
    assert.deepEqual(await loadIdentity(folder.path, 'h'), identity)
  })

  it('reads the four files of the Go agent', async () => {
    await using folder = await makeFolder()
    const put = (name: string, text: string) => writeFile(join(folder.path, name), text)
    const { node_id, mesh_ip, hostname, private_key, node_secret_key, signing_public_key } =
      identity
    await put('identity.json', JSON.stringify({ node_id, mesh_ip, signing_public_key }, null, 2))
    await put('private_key', private_key)
    await put('node_secret_key', `${node_secret_key}\n`)
    await put('signing_public_key', signing_public_key)

    assert.deepEqual(await loadIdentity(folder.path, hostname), identity)
  })

  it('tells what is wrong with a damaged one, and no secret', async () => {
    await using folder = await makeFolder()
    const damaged = ['{"node_id":', '{}', JSON.stringify({ ...identity, node_secret_key: 'short' })]
    for (const text of damaged) {
      await writeFile(join(folder.path, 'identity.json'), text)
      await assert.rejects(loadIdentity(folder.path, 'h'), (error: Error) => {
        assert.match(error.message, /read identity in ".*": .*plexd deregister --purge/)
        return !error.message.includes('short') && !error.message.includes(key)
      })
    }
  })

  it('sends the node token, else the node secret key', () => {
    assert.equal(bearerOf(identity), 'k'.repeat(32))
    assert.equal(bearerOf({ ...identity, node_token: 'plx_node_x' }), 'plx_node_x')
  })

  it('is in force only when it is on the disk', async () => {
    await using folder = await makeFolder()
    const store = createIdentityStore(folder.path, identity)
    const updating = store.update((now) => ({ ...now, node_token: 'new' }))
    assert.equal(store.current().node_token, undefined)
    await updating
    assert.equal(store.current().node_token, 'new')

    const lost = createIdentityStore(join(folder.path, 'identity.json', 'no-folder'), identity)
    await assert.rejects(lost.update((now) => ({ ...now, node_token: 'new' })))
    assert.equal(lost.current().node_token, undefined)
  })

  it('is durable when an update resolves, in the order of the updates', async () => {
    await using folder = await makeFolder()
    const store = createIdentityStore(folder.path, identity)
    void store.update((now) => ({ ...now, hostname: 'a' }))
    await store.update((now) => ({ ...now, node_token: `${now.hostname}-token` }))

    assert.partialDeepStrictEqual(await loadIdentity(folder.path, 'h'), {
      hostname: 'a',
      node_token: 'a-token',
    })
  })
})
