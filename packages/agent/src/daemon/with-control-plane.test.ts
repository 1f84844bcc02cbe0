import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { startControlPlane, type TestControlPlane } from '@plexd/control-plane/testing'
import {
  type Client,
  compactJson,
  createClient,
  JsonText,
  type LocalApi,
  localApi,
} from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import fc from 'fast-check'
import type { AgentConfig } from '../config/agent-config.ts'
import { loadIdentity } from '../identity/identity.ts'
import { publicKeyOf } from '../identity/keys.ts'
import { configFor, startTestAgent, type TestAgent } from '../testing/node.ts'

describe('agents and a control plane', () => {
  it('make a mesh and keep it while nodes rotate keys, come and go', async () => {
    await using mesh = await createMesh(['web', 'db', 'cache'])
    await mesh.converge()

    const { admin } = mesh.plane
    const before = mesh.node('db').device.privateKey()
    await admin.requestKeyRotation({ params: { node: 'db' } })
    await until('a new key', () => mesh.node('db').device.privateKey() !== before)
    await mesh.converge()

    await admin.removeNode({ params: { node: 'cache' } })
    await mesh.stop('cache')
    await mesh.converge()

    await mesh.start('late')
    await mesh.converge()
    assert.deepEqual(mesh.problems(), [])
  })

  it('bring the payload of a data entry to programs on the node as the operator wrote it', async () => {
    await using mesh = await createMesh(['web'])
    const web = mesh.local('web')
    let version = 0
    async function arrives(json: string): Promise<void> {
      const head = '{"target":{"selector":"*"},"content_type":"application/json","payload":'
      await mesh.plane.admin.putData({
        params: { key: 'k' },
        body: new JsonText(`${head}${json}}`),
      })
      version++
      const shown = `"payload":${compactJson(json)},"version":${version},`
      let text: string | undefined
      await until('the entry', async () => {
        text = (await web.getData({ params: { key: 'k' } }).catch(() => undefined))?.text
        return text?.includes(`"version":${version},`) === true
      })
      assert.ok(text?.includes(shown), `${text}`)
    }
    await arrives('{"n":[9007199254740993,1e400,-0,1.50],"2":1,"1":2,"n":"twice"}')
    const anyJson = fc.tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('', ' ', '\t'))
    // Each of another text than the one before, or it would be no change.
    await fc.assert(
      fc.asyncProperty(anyJson, ([value, indent]) =>
        arrives(JSON.stringify([version, value], null, indent)),
      ),
      { numRuns: 20, endOnFailure: true },
    )
  })

  it('show the operator which entry a node cannot take, and the node takes the rest', async () => {
    await using mesh = await createMesh(['web'], { heartbeatMs: 1_000 })
    const { admin, app } = mesh.plane
    const tenant = await app.store.reader.selectFrom('tenants').select('id').executeTakeFirst()
    // As an earlier build stored it: today's refuses to.
    const deep = {
      id: 'ent_deep',
      tenant_id: tenant?.id ?? '',
      key: 'deep',
      target: 'selector:*',
      version: 1,
      updated_at: 0,
      content_type: 'text/plain',
      payload: `${'['.repeat(6_000)}${']'.repeat(6_000)}`,
    }
    await app.change(async ({ tx, apply }) => {
      await tx.insertInto('data_entries').values(deep).execute()
      apply({ type: 'entries_changed', tenant_id: deep.tenant_id })
    })
    const good = { target: { selector: '*' }, content_type: 'text/plain', payload: 1 }
    await admin.putData({ params: { key: 'good' }, body: good })

    const keys = async () => (await mesh.local('web').listData({})).body.map(({ key }) => key)
    await until('the rest', async () => isDeepStrictEqual(await keys(), ['good']))
    await until('the problem', async () => {
      const { problems } = (await admin.getNode({ params: { node: 'web' } })).body
      return problems.some((text) => /^left out.*data entry "deep" \(it is nested/.test(text))
    })
  })

  it('carry metadata, secrets, reports and actions', async () => {
    await using mesh = await createMesh(['web'])
    const { admin } = mesh.plane
    const web = mesh.local('web')
    const node_id = mesh.node('web').agent.nodeId
    await admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { env: 'prod' } } })
    await admin.putSecret({
      params: { key: 'db/password' },
      body: { target: { selector: 'env=prod' }, value: 's3cret' },
    })
    await until('the secret', async () => (await web.listSecrets({})).body.length === 1)

    const secret = await web.getSecretValue({ params: { key: 'db/password' } })
    assert.equal(secret.body.value, 's3cret')

    const report = { content_type: 'application/json', payload: { ok: true } }
    await web.putReport({ params: { key: 'health' }, body: report })
    await until('the report', async () => {
      const { body } = await admin.listReports({ params: { node: 'web' } })
      return body.items.some(({ payload }) => isDeepStrictEqual(payload, { ok: true }))
    })

    const { body: execution } = await admin.runAction({
      params: { node: 'web' },
      body: { action: 'system.info' },
    })
    const { body: finished } = await admin.getExecution({
      params: { execution_id: execution.id },
      query: { wait: '10s' },
    })
    assert.equal(finished.status, 'success', finished.reason)
    assert.equal(JSON.parse(finished.stdout).node_id, node_id)
    assert.deepEqual(mesh.problems(), [])
  })

  it('call a renamed node by its new name at once and after a restart, and touch no interface', async () => {
    await using mesh = await createMesh(['web', 'db'])
    await mesh.converge()
    for (const name of ['web', 'db'])
      mesh.node(name).device.breakWith(new Error('the interface is touched'))

    await mesh.plane.admin.renameNode({ params: { node: 'web' }, body: { hostname: 'www' } })

    const own = async () => (await mesh.local('web').getStatus({})).body.hostname
    const seen = async () =>
      (await mesh.local('db').listPeers({})).body.map((peer) => peer.hostname)
    const saved = async () => (await loadIdentity(mesh.node('web').config.dataDir, ''))?.hostname
    const isRenamed = async (): Promise<boolean> =>
      isDeepStrictEqual([await own(), await seen(), await saved()], ['www', ['www'], 'www'])
    await until('the new name', isRenamed)
    assert.deepEqual(mesh.problems(), [])

    await mesh.restartPlane(
      async () => {},
      async () => {
        for (const name of ['web', 'db']) await mesh.restart(name)
        assert.ok(await isRenamed())
      },
    )
  })

  it('follow a new signing key', async () => {
    await using mesh = await createMesh(['web'])
    await mesh.plane.admin.rotateSigningKey({ body: {} })
    await mesh.plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { a: '1' } } })
    await until('an event of the new key', async () => {
      const { body } = await mesh.local('web').listMetadata({})
      return body.a === '1'
    })
    assert.deepEqual(mesh.problems(), [])
  })

  it('find each other again after the control plane was away', async () => {
    await using mesh = await createMesh(['web', 'db'])
    await mesh.converge()
    await mesh.restartPlane(async (plane) => {
      await plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { back: 'yes' } } })
    })
    await mesh.start('late')
    await mesh.converge()
    assert.equal((await mesh.local('web').listMetadata({})).body.back, 'yes')
  })

  it('continue after the restore of a backup, even if it has the key from before their last three rotations', async () => {
    await using mesh = await createMesh(['web', 'db', 'cache'])
    await mesh.converge()
    const back = await mesh.backUp()
    const { admin } = mesh.plane
    const before = mesh.node('db').device.privateKey()
    for (let count = 0; count < 3; count++) {
      const last = mesh.node('db').device.privateKey()
      await admin.requestKeyRotation({ params: { node: 'db' } })
      await until('a new key', () => mesh.node('db').device.privateKey() !== last)
      await mesh.converge()
    }
    for (const web of ['a', 'b', 'c'])
      await admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { web } } })
    await until(
      'the label',
      async () => (await mesh.local('web').listMetadata({})).body.web === 'c',
    )

    await mesh.restartPlane(async ({ admin }) => {
      for (const db of ['x', 'y', 'z'])
        await admin.setNodeMetadata({ params: { node: 'db' }, body: { set: { db } } })
    }, back)
    await mesh.converge()
    assert.equal(mesh.node('db').device.privateKey(), before)
    const labels = async (name: string) => (await mesh.local(name).listMetadata({})).body
    await until('labels of one history', async () => {
      return (await labels('web')).web === undefined && (await labels('db')).db === 'z'
    })
  })

  it('send what was confirmed after the backup again to the restored control plane', async () => {
    await using mesh = await createMesh(['web'])
    const web = mesh.local('web')
    const put = (key: string, payload: number) =>
      web.putReport({ params: { key }, body: { content_type: 'text/plain', payload } })
    const isHeld = (entries: Record<string, number>) => async (): Promise<boolean> => {
      const { body } = await mesh.plane.admin.listReports({ params: { node: 'web' } })
      const held = Object.fromEntries(body.items.map(({ key, payload }) => [key, payload]))
      return isDeepStrictEqual(held, entries)
    }
    await put('changed', 1)
    await put('kept', 1)
    await put('removed', 1)
    const can = async () =>
      (await mesh.plane.admin.getNode({ params: { node: 'web' } })).body.capabilities
    const all = await can()
    const store = (capabilities: string) =>
      mesh.plane.app.store.write((tx) => tx.updateTable('nodes').set({ capabilities }).execute())
    // Of a build before this one, which told of more when it was upgraded.
    await store('{"binary":{"version":"0.0.1"}}')
    await until('all', isHeld({ changed: 1, kept: 1, removed: 1 }))
    const back = await mesh.backUp()
    await store(JSON.stringify(all))
    const later = { changed: 2, kept: 1, new: 1 }
    await put('changed', 2)
    await put('new', 1)
    await web.deleteReport({ params: { key: 'removed' } })
    await until('all of it', isHeld(later))
    const { agent } = mesh.node('web')
    await until('the receipt', () => agent.status().counts.reports_unsynced === 0)
    for (const lost of ['a', 'b', 'c'])
      await mesh.plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { set: { lost } } })
    await until('the label', async () => (await web.listMetadata({})).body.lost === 'c')

    await mesh.restartPlane(async ({ admin }) => {
      const target = { selector: 'role=nobody' }
      for (const value of ['x', 'y', 'z', 'last'])
        await admin.putSecret({ params: { key: 'grown' }, body: { target, value } })
      const own = { node_id: agent.nodeId }
      await admin.putSecret({ params: { key: 'own' }, body: { target: own, value: 'v' } })
    }, back)
    await until('all of it again', isHeld(later))
    await until('what it can do', async () => isDeepStrictEqual(await can(), all))
    await until('the secret', async () => {
      const { value } =
        (await web.getSecretValue({ params: { key: 'own' } }).catch(() => undefined))?.body ?? {}
      return value === 'v'
    })
  })
})

/** Agents in this process, with interfaces in memory, and a real control plane. */
async function createMesh(hostnames: string[], changes: Partial<AgentConfig> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const dataDir = join(folder, 'control-plane')
  const nodes = new Map<string, TestAgent & { config: AgentConfig }>()
  let plane: TestControlPlane = await startControlPlane({ dataDir })

  async function start(hostname: string): Promise<void> {
    const config = await configFor(plane, join(folder, hostname), {
      hostname,
      tokenValue: await plane.createToken(),
      reportDebounceMs: 50,
      ...changes,
    })
    nodes.set(hostname, Object.assign(await startTestAgent(config), { config }))
    await until(
      'a stream',
      () => node(hostname).agent.status().control_plane.stream === 'connected',
    )
  }

  function node(hostname: string): TestAgent & { config: AgentConfig } {
    return nodes.get(hostname) ?? assert.fail(`no agent "${hostname}"`)
  }

  /** From what is on its disk, whether there is a control plane or not. */
  async function restart(hostname: string): Promise<void> {
    const { config } = node(hostname)
    await stop(hostname)
    nodes.set(hostname, Object.assign(await startTestAgent(config), { config }))
  }

  async function stop(hostname: string): Promise<void> {
    await node(hostname)[Symbol.asyncDispose]()
    nodes.delete(hostname)
  }

  /** Whether each agent has exactly the others on its interface, under their keys and with equal PSKs. */
  async function isWhole(): Promise<boolean> {
    const seen = new Map<string, string>()
    for (const { agent, device } of nodes.values()) {
      const peers = await device.peers()
      const others = [...nodes.values()].filter((other) => other.agent !== agent)
      if (peers.length !== others.length) return false
      for (const other of others) {
        const key = publicKeyOf(other.device.privateKey())
        const peer = peers.find(({ public_key }) => public_key === key)
        if (!peer) return false
        const pair = [agent.nodeId, other.agent.nodeId].sort().join()
        if ((seen.get(pair) ?? peer.psk) !== peer.psk) return false
        seen.set(pair, peer.psk)
      }
    }
    return true
  }

  for (const hostname of hostnames) await start(hostname)
  return {
    get plane() {
      return plane
    },
    node,
    start,
    restart,
    stop,
    local: (hostname: string): Client<LocalApi> =>
      createClient(localApi, createUnixTransport(node(hostname).config.socketPath)),
    converge: () => until('a whole mesh', isWhole, 20_000),
    problems: () => [...nodes.values()].flatMap(({ agent }) => agent.status().problems),
    /** On the same port; `meanwhile` runs before the agents are back. */
    /** Resolves to what puts the database back as it is now. */
    async backUp(): Promise<() => Promise<void>> {
      const [database, copy] = [join(dataDir, 'control-plane.db'), join(folder, 'backup.db')]
      using open = new DatabaseSync(database)
      open.exec(`vacuum into '${copy}'`)
      return async () => {
        for (const end of ['-wal', '-shm']) await rm(database + end, { force: true })
        await copyFile(copy, database)
      }
    },
    async restartPlane(
      meanwhile: (plane: TestControlPlane) => Promise<void>,
      whileDown = async () => {},
    ) {
      const listen = { host: '127.0.0.1', port: Number(new URL(plane.url).port) }
      await plane[Symbol.asyncDispose]()
      await whileDown()
      plane = await startControlPlane({ dataDir, config: { listen } })
      await meanwhile(plane)
      const isBack = (hostname: string): boolean =>
        node(hostname).agent.status().control_plane.stream === 'connected'
      await until('the streams', () => [...nodes.keys()].every(isBack), 20_000)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...nodes.keys()].map(stop))
      await plane[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
