import assert from 'node:assert/strict'
import { chmod, chown, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeFolder } from '../testing/node.ts'
import {
  bearerOf,
  createIdentityStore,
  type Identity,
  loadIdentity,
  saveIdentity,
  withKeys,
} from './identity.ts'

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
    const put = (name: string, text: string) =>
      writeFile(join(folder.path, name), text, { mode: 0o600 })
    const { node_id, mesh_ip, hostname, private_key, node_secret_key, signing_public_key } =
      identity
    await put('identity.json', JSON.stringify({ node_id, mesh_ip, signing_public_key }, null, 2))
    await put('private_key', private_key)
    await put('node_secret_key', `${node_secret_key}\n`)
    await put('signing_public_key', signing_public_key)

    assert.deepEqual(await loadIdentity(folder.path, hostname), identity)
  })

  it('keeps the keys of the last three rotations, that of an earlier build among them', async () => {
    await using folder = await makeFolder()
    const keysNo = (no: number) => ({ private_key: key, node_secret_key: `${no}`.repeat(32) })
    const text = JSON.stringify({ ...identity, ...keysNo(1), previous: keysNo(0) })
    await writeFile(join(folder.path, 'identity.json'), text, { mode: 0o600 })
    let now = (await loadIdentity(folder.path, 'h')) ?? assert.fail('there is one')
    assert.deepEqual(now, { ...identity, ...keysNo(1), former: [keysNo(0)] })

    now = withKeys(withKeys(now, keysNo(2)), keysNo(3))
    assert.deepEqual(now.former, [keysNo(2), keysNo(1), keysNo(0)])
    const back = withKeys(now, keysNo(0))
    assert.deepEqual(back.former, [keysNo(3), keysNo(2), keysNo(1)])
    assert.equal(bearerOf(back), '0'.repeat(32))
    assert.deepEqual(withKeys(now, keysNo(4)).former, [keysNo(3), keysNo(2), keysNo(1)])
  })

  it('tells what is wrong with a damaged one, and no secret', async () => {
    await using folder = await makeFolder()
    const damaged = ['{"node_id":', '{}', JSON.stringify({ ...identity, node_secret_key: 'short' })]
    for (const text of damaged) {
      await writeFile(join(folder.path, 'identity.json'), text, { mode: 0o600 })
      await assert.rejects(loadIdentity(folder.path, 'h'), (error: Error) => {
        assert.match(error.message, /read identity in ".*": .*plexd deregister --purge/)
        return !error.message.includes('short') && !error.message.includes(key)
      })
    }
  })

  it('is refused when others may read or change it, or when it is theirs', async (t) => {
    await using folder = await makeFolder()
    await saveIdentity(folder.path, identity)
    await writeFile(join(folder.path, 'private_key'), key, { mode: 0o600 })
    const refused = (name: string, why: string) =>
      assert.rejects(loadIdentity(folder.path, 'h'), {
        message: `read "${join(folder.path, name)}": ${why} ${join(folder.path, name)}`,
      })
    for (const name of ['identity.json', 'private_key']) {
      await chmod(join(folder.path, name), 0o644)
      await refused(name, 'users other than its owner may read it (mode 0644): chmod 600')
      await chmod(join(folder.path, name), 0o620)
      await refused(name, 'users other than its owner may change it (mode 0620): chmod 600')
      await chmod(join(folder.path, name), 0o600)
    }
    assert.deepEqual(await loadIdentity(folder.path, 'h'), identity)
    if (process.getuid?.() !== 0) return t.skip('needs root, to give a file away')
    for (const name of ['identity.json', 'private_key']) {
      await chown(join(folder.path, name), 12_345, 0)
      await refused(name, 'it belongs to another user (uid 12345, mode 0600): chown 0')
      await chown(join(folder.path, name), 0, 0)
    }
  })

  it('shows nothing of a damaged file, which holds keys', async () => {
    await using folder = await makeFolder()
    await saveIdentity(folder.path, identity)
    const text = await readFile(join(folder.path, 'identity.json'), 'utf8')
    for (const damaged of [text.replace(`"${key}"`, key), text.slice(0, 200), '']) {
      await writeFile(join(folder.path, 'identity.json'), damaged)
      await assert.rejects(loadIdentity(folder.path, 'h'), ({ message }: Error) => {
        assert.match(message, /identity\.json is no JSON: it is damaged, or cut off: restore it/)
        return true
      })
    }
  })

  it('is read by root where the daemon runs as another user, whose the data dir is', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root, to give a file away')
    await using folder = await makeFolder()
    await saveIdentity(folder.path, identity)
    const path = join(folder.path, 'identity.json')
    for (const name of [folder.path, path]) await chown(name, 12_345, 12_345)
    assert.deepEqual(await loadIdentity(folder.path, 'h'), identity)
    await chown(path, 54_321, 0)
    await assert.rejects(loadIdentity(folder.path, 'h'), /uid 54321, mode 0600\): chown 12345 /)
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
