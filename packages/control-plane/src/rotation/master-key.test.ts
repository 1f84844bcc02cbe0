import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  adminApi,
  type Client,
  type ControlApi,
  controlApi,
  createClient,
  type RegisterResponse,
} from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { unseal, until } from '@plexd/runtime/testing'
import { diskErrorOf } from '../store/sqlite-error.ts'
import { startProcess } from '../testing/child.ts'
import { openEventReader } from '../testing/event-reader.ts'
import {
  type EnrolledNode,
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
  withControlPlane,
} from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const everyone = { target: { selector: '*' } }

describe('a new master key', () => {
  it('is what everything is sealed under, and the old one opens nothing any more', async () => {
    await using folder = await makeTemporaryFolder()
    const old = await withControlPlane(folder.path, async (plane) => {
      const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
      const token = await plane.createToken()
      const asked = { token, public_key: newPublicKey(), hostname: 'again', capabilities: {} }
      const { body: answer } = await plane.anonymous.register({ body: asked })
      const { body: next } = await web.api.rotateKeys({
        body: { node_id: web.node_id, new_public_key: newPublicKey() },
      })
      await plane.admin.putSecret({ params: { key: 'k' }, body: { ...everyone, value: 'v1' } })
      assert.equal(await read(db, db.api), 'v1') // so that it is in memory
      await plane.admin.rotateSigningKey({ body: {} })
      const before = await lines(folder.path)
      const psks = await psksOf(db)

      const { body } = await plane.admin.rotateMasterKey({})

      // The secret, three NSKs, one on its way, two signing keys, one answer, what PSKs come from.
      assert.equal(body.sealed_again, 9)
      const after = await lines(folder.path)
      assert.deepEqual([before.length, after.length, after[0] === before[0]], [1, 1, false])
      assert.equal(await read(db, db.api), 'v1')
      assert.deepEqual(await psksOf(db), psks)
      return { web, db, asked, answer, next, psks, keyId: body.key_id }
    })

    await withControlPlane(folder.path, async (plane) => {
      const { web, db, asked, answer, next, psks, keyId } = old
      assert.equal(plane.app.masterKey.id(), keyId)
      assert.deepEqual(
        [await read(db, plane.clientFor(db.token)), await psksOf(db, plane)],
        ['v1', psks],
      )
      const { node_secret_key = '', node_token = '' } = next
      const renewed = { ...web, node_secret_key }
      assert.equal(await read(renewed, plane.clientFor(node_token)), 'v1')
      const { body: again } = await plane.anonymous.register({ body: asked })
      assert.deepEqual(secretsOf(again), secretsOf(answer))
      await using events = await openEventReader(plane.url, {
        token: db.token,
        nodeId: db.node_id,
      })
      await plane.enrol('cache')
      await events.next('peer_added')
    })
  })

  it('leaves nothing in the files that the old one would open', async () => {
    await using plane = await startControlPlane()
    await putMany(plane.admin, 20)
    for (const value of ['x'.repeat(100_000), 'short'])
      await plane.admin.putSecret({ params: { key: 'k' }, body: { ...everyone, value } })
    const sealedTexts = async () =>
      (await plane.app.store.reader.selectFrom('secrets').select('value_sealed').execute()).map(
        ({ value_sealed }) => value_sealed.slice(0, 200),
      )
    const old = await sealedTexts()
    assert.ok((await found(plane, old)) > 0)
    await plane.admin.rotateMasterKey({})
    assert.equal(await found(plane, old), 0)
    assert.equal(await found(plane, await sealedTexts()), old.length)
  })

  it('comes while secrets are read and written, and nobody notices', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await putMany(plane.admin, 300)
    let over = false
    const work = Array.from({ length: 4 }, async (_, worker) => {
      let count = 0
      for (; !over; count++) {
        const key = `k${worker}`
        const value = `${worker} ${count}`
        await plane.admin.putSecret({ params: { key }, body: { ...everyone, value } })
        assert.equal(await read(web, web.api, key), value)
      }
      return count
    })
    try {
      for (let times = 0; times < 3; times++) {
        const { body } = await plane.admin.rotateMasterKey({})
        assert.ok(body.sealed_again >= 300)
      }
    } finally {
      over = true
    }
    for (const count of await Promise.all(work)) assert.ok(count > 0)
  })

  it('is one for all who ask for it at the same moment', async () => {
    await using plane = await startControlPlane()
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => plane.admin.rotateMasterKey({})),
    )
    const [first] = answers
    for (const { body } of answers) assert.deepEqual(body, first?.body)
  })

  it('comes to its end after a kill at any moment', { timeout: 120_000 }, async () => {
    await using folder = await makeTemporaryFolder()
    const args = ['--data-dir', folder.path, '--listen', '127.0.0.1:0', '--insecure-http']
    const node = await withControlPlane(folder.path, async (plane) => {
      await putMany(plane.admin, 400)
      return plane.enrol('web')
    })
    let interrupted = 0
    for (let round = 0; round < 4; round++) {
      await using child = await startProcess([...args, '--log-level', 'error'])
      const { admin, api } = await clientsOf(child.url, folder.path, node.token)
      assert.equal(await read(node, api, 'many/399'), 'value 399')
      let isOver = false
      const asked = admin
        .rotateMasterKey({})
        .catch(() => undefined)
        .finally(() => {
          isOver = true
        })
      const hasBegun = async () => isOver || (await lines(folder.path)).length === 2
      if (round > 0) await until('the new key is beside the old one', hasBegun, 20_000, 0)
      await delay(Math.random() * 20 * round)
      await child.kill('SIGKILL')
      await asked
      interrupted += (await lines(folder.path)).length - 1
    }
    assert.ok(interrupted > 0)
    await withControlPlane(folder.path, async (plane) => {
      await plane.admin.rotateMasterKey({})
      assert.equal((await lines(folder.path)).length, 1)
    })
    await withControlPlane(folder.path, async (plane) => {
      for (let index = 0; index < 400; index++)
        assert.equal(
          await read(node, plane.clientFor(node.token), `many/${index}`),
          `value ${index}`,
        )
    })
  })

  it('is not the only one while there is a text that cannot be opened, which is named', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await putMany(plane.admin, 3)
    const text = await exchange(plane, 'many/1', 'v1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA')
    await assert.rejects(
      plane.admin.rotateMasterKey({}),
      isError(503, /still needed; .*: open "secret:.*many\/1.*": it was changed/),
    )
    assert.equal(await read(web, web.api, 'many/2'), 'value 2')
    await exchange(plane, 'many/1', text)
    await plane.admin.rotateMasterKey({})
    assert.equal((await lines(plane.dataDir)).length, 1)
    assert.equal(await read(web, web.api, 'many/1'), 'value 1')
  })

  it('waits while the disk cannot be written to, says so, and takes nothing away meanwhile', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    await putMany(plane.admin, 50)
    const writable = setReadOnly(plane)
    await assert.rejects(
      plane.admin.rotateMasterKey({}),
      isError(
        503,
        /^the new master key is in use, .* still needed; .*: the disk cannot be written to/,
      ),
    )
    assert.equal((await lines(plane.dataDir)).length, 2)
    assert.equal(await read(web, web.api, 'many/49'), 'value 49')

    writable()
    await plane.admin.rotateMasterKey({})
    assert.equal((await lines(plane.dataDir)).length, 1)
    assert.equal(await read(web, web.api, 'many/49'), 'value 49')
  })
})

/** Puts a sealed text in the place of that of a secret; resolves to what was there. */
async function exchange({ app }: TestControlPlane, key: string, text: string): Promise<string> {
  return app.store.write(async (tx) => {
    const before = tx.selectFrom('secrets').select('value_sealed').where('key', '=', key)
    const { value_sealed } = await before.executeTakeFirstOrThrow()
    await tx.updateTable('secrets').set({ value_sealed: text }).where('key', '=', key).execute()
    return value_sealed
  })
}

/** As on a file system that the kernel has made read-only after an error: no transaction begins. Returns the way back. */
function setReadOnly({ app }: TestControlPlane): () => void {
  const { write } = app.store
  const refused = Object.assign(new Error('attempt to write a readonly database'), {
    code: 'ERR_SQLITE_ERROR',
    errcode: 8,
  })
  Object.assign(app.store, { write: () => Promise.reject(diskErrorOf(refused)) })
  return () => void Object.assign(app.store, { write })
}

async function putMany(admin: TestControlPlane['admin'], count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index)
  await Promise.all(
    numbers.map((index) =>
      admin.putSecret({
        params: { key: `many/${index}` },
        body: { ...everyone, value: `value ${index}` },
      }),
    ),
  )
}

async function read(
  { node_id, node_secret_key }: Pick<EnrolledNode, 'node_id' | 'node_secret_key'>,
  api: Client<ControlApi>,
  key = 'k',
): Promise<string> {
  const { body } = await api.getSecret({ params: { node_id, key } })
  return unseal(node_secret_key, body)
}

async function psksOf(node: EnrolledNode, plane?: TestControlPlane): Promise<string[]> {
  const api = plane?.clientFor(node.token) ?? node.api
  const { body } = await api.getState({ params: node })
  return body.peers.map(({ id, psk }) => `${id} ${psk}`).toSorted()
}

/** How many of the texts are in the database or beside it. */
async function found({ dataDir }: TestControlPlane, texts: readonly string[]): Promise<number> {
  const names = ['control-plane.db', 'control-plane.db-wal']
  const files = await Promise.all(names.map((name) => readFile(join(dataDir, name))))
  return texts.filter((text) => files.some((file) => file.includes(text))).length
}

function secretsOf({ node_id, node_token, node_secret_key }: RegisterResponse) {
  return { node_id, node_token, node_secret_key }
}

/** The keys in the file. */
async function lines(dataDir: string): Promise<string[]> {
  return (await readFile(join(dataDir, 'master.key'), 'utf8')).trim().split('\n')
}

async function clientsOf(url: string, dataDir: string, token: string) {
  const adminToken = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const transport = createHttpTransport({ baseUrl: url, userAgent: 'plexd/test (harness)' })
  return {
    admin: createClient(adminApi, transport, () => adminToken),
    api: createClient(controlApi, transport, () => token),
  }
}
