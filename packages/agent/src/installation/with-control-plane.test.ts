import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect } from 'node:tls'
import { startControlPlane, type TestControlPlane } from '@plexd/control-plane/testing'
import { type AuthorityStatus, type MoveStatus, readJoin } from '@plexd/protocol'
import { certificatesIn, fingerprintOf, silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentConfig } from '../config/agent-config.ts'
import { pinnedCaFile } from '../config/remembered.ts'
import { ensureAuthority } from '../registration/authority.ts'
import { configFor, makeFolder, startTestAgent } from '../testing/node.ts'

const overTls = { config: { insecureHttp: false } }

describe('a control plane that replaces its authority', () => {
  it('takes its nodes along, from step to step, each of which may be repeated', async () => {
    await using folder = await makeFolder()
    await using plane = await startControlPlane(overTls)
    const config = await joiningBy(plane, folder.path, 'web')
    await using agent = await startTestAgent(config)
    const { admin } = plane
    const [old = ''] = fingerprints((await admin.getAuthorities({})).body)
    assert.equal(await shownBy(plane), old)

    for (const _ of ['first', 'again']) {
      const { body } = await admin.prepareAuthority({})
      assert.deepEqual(statesOf(body), ['current', 'next'])
    }
    await assert.rejects(admin.retireAuthority({}), { status: 409 })
    const [, next = ''] = fingerprints(await untilAllTrust(plane))
    assert.deepEqual(await pinned(config), [old, next])
    assert.equal(await shownBy(plane), old)
    assert.equal(readJoin(await joinString(plane)).ca, old)

    const earlier = await joinString(plane)
    for (const _ of ['first', 'again']) {
      const { body } = await admin.activateAuthority({})
      assert.deepEqual(statesOf(body), ['current', 'previous'])
    }
    assert.equal(await shownBy(plane), next)
    assert.equal(readJoin(await joinString(plane)).ca, next)
    // A machine that was given the old fingerprint still finds its way.
    const late = await joiningBy(plane, folder.path, 'late', earlier)
    await using _lateAgent = await startTestAgent(late)

    await assert.rejects(admin.retireAuthority({}), /1 token from before.*tok_/)
    const { items } = (await admin.listTokens({})).body
    for (const { id, used_at } of items)
      if (used_at === null) await admin.revokeToken({ params: { token_id: id } })
    for (const _ of ['first', 'again']) {
      const { body } = await admin.retireAuthority({})
      assert.deepEqual(statesOf(body), ['current'])
    }
    for (const each of [config, late])
      await until('the old one is gone', async () => (await pinned(each)).join() === next)
    await assert.rejects(readFile(join(plane.dataDir, 'tls/ca.key')), { code: 'ENOENT' })
    assert.deepEqual(await fileFingerprints(join(plane.dataDir, 'ca.crt')), [next])

    // A new connection, with what is on its disk.
    await agent[Symbol.asyncDispose]()
    await using again = await startTestAgent({ ...config, tokenFile: '/none' })
    await until('it is connected', () => again.agent.status().control_plane.stream === 'connected')
    assert.deepEqual(again.agent.status().problems, [])
  })

  it('waits for nodes that do not trust the next one, names them, and leaves them behind only by force', async () => {
    await using folder = await makeFolder()
    await using plane = await startControlPlane(overTls)
    await plane.enrol('silent')
    // Its file belongs to the operator.
    const own = join(plane.dataDir, 'ca.crt')
    const caFile = join(folder.path, 'own.crt')
    await copyFile(own, caFile)
    const config = await configFor(plane, join(folder.path, 'web'), {
      ...quick,
      hostname: 'web',
      insecureHttp: false,
      caFile,
      tokenValue: await plane.createToken(),
    })
    await using web = await startTestAgent(config)
    await plane.admin.prepareAuthority({})
    const reason = await until('it says why', async () => {
      const { behind } = (await plane.admin.getAuthorities({})).body
      return behind.find(({ hostname, reason }) => hostname === 'web' && reason.includes(caFile))
    })
    assert.match(reason.reason, /"\S+own\.crt", which the settings name, does not have it: add/)
    assert.ok(web.agent.status().problems.some((text) => text.includes(caFile)))
    await assert.rejects(
      plane.admin.activateAuthority({}),
      /2 nodes do not trust the next one yet.*"silent" \(it is pending\), "web" \(/,
    )
    await copyFile(own, caFile)
    await web.agent.reload()
    await until('it trusts it', async () => {
      const { behind } = (await plane.admin.getAuthorities({})).body
      return behind.length === 1
    })
    assert.deepEqual(web.agent.status().problems, [])
    const { body } = await plane.admin.activateAuthority({ query: { force: 'true' } })
    assert.match(body.warnings.join(), /^"silent" is left behind: /)
  })

  it('is found again by a node that was away for all of it, by what it has signed', async () => {
    await using folder = await makeFolder()
    await using plane = await startControlPlane(overTls)
    const config = await joiningBy(plane, folder.path, 'web')
    const before = await startTestAgent(config)
    await before[Symbol.asyncDispose]()
    const { admin } = plane
    await admin.prepareAuthority({})
    await admin.activateAuthority({ query: { force: 'true' } })
    await admin.retireAuthority({})
    const [next] = await fileFingerprints(join(plane.dataDir, 'ca.crt'))
    assert.notDeepEqual(await pinned(config), [next])
    await using web = await startTestAgent({ ...config, tokenFile: '/none' })
    await until(
      'it is connected',
      () => web.agent.status().control_plane.stream === 'connected',
      60_000,
    )
    assert.deepEqual(await pinned(config), [next])
  })

  it('goes on where it was cut off', async () => {
    await using folder = await makeFolder()
    const { path: dataDir } = folder
    const again = () => startControlPlane({ ...overTls, dataDir })
    let next = ''
    {
      await using plane = await again()
      const { body } = await plane.admin.prepareAuthority({})
      next = fingerprints(body)[1] ?? ''
      // Committed, and the process ends before it is shown.
      await plane.app.store.write(async (tx) => {
        await tx
          .updateTable('authorities')
          .set({ state: 'previous' })
          .where('state', '=', 'current')
          .execute()
        await tx
          .updateTable('authorities')
          .set({ state: 'current', activated_at: 1 })
          .where('state', '=', 'next')
          .execute()
      })
    }
    await using plane = await again()
    assert.equal(await shownBy(plane), next)
    await plane.admin.rotateMasterKey({})
    await plane.admin.retireAuthority({})
    assert.deepEqual(await fileFingerprints(join(dataDir, 'ca.crt')), [next])
  })

  it('is heeded again by a node that heeds what it announced with its clock years ahead, and has forgotten since', async () => {
    await using folder = await makeFolder()
    const dataDir = join(folder.path, 'plane')
    await mkdir(dataDir)
    let config: AgentConfig
    {
      const clock = { ...systemClock, now: () => systemClock.now() + 3_000 * dayMs }
      await using plane = await startControlPlane({ ...overTls, dataDir, clock })
      await plane.admin.announceMove({ body: { urls: [plane.url] } })
      config = await joiningBy(plane, folder.path, 'web')
      const before = await startTestAgent(config)
      await until('it heeds that', async () => (await moveOf(plane)).told_count === 1)
      await before[Symbol.asyncDispose]()
      // A backup from before knows nothing of it.
      await plane.app.store.write(async (tx) => {
        await tx.deleteFrom('settings').where('name', '=', 'announcement').execute()
        await tx.deleteFrom('node_heeds').execute()
      })
    }
    await using plane = await startControlPlane({ ...overTls, dataDir })
    await using _web = await startTestAgent({ ...config, apiUrl: plane.url, tokenFile: '/none' })
    await until('it is ahead', async () => (await moveOf(plane)).ahead_count === 1)
    await plane.admin.announceMove({ body: { urls: [plane.url] } })
    await until('it heeds the new one', async () => (await moveOf(plane)).told_count === 1)
    assert.deepEqual((await moveOf(plane)).ahead, [])
  })

  it('has none to replace that serves plain HTTP', async () => {
    await using plane = await startControlPlane()
    await assert.rejects(plane.admin.prepareAuthority({}), /it serves plain HTTP/)
  })
})

const dayMs = 24 * 60 * 60_000

async function moveOf({ admin }: TestControlPlane): Promise<MoveStatus> {
  return (await admin.getMove({})).body
}

const quick = { heartbeatMs: 1_000, socketEnabled: false } as const

async function joinString({ admin }: TestControlPlane): Promise<string> {
  return (await admin.createToken({ body: {} })).body.join
}

/** A config with which an agent joins by a join string, and has its authority in a file of its own. */
async function joiningBy(
  plane: TestControlPlane,
  folder: string,
  hostname: string,
  join_?: string,
): Promise<AgentConfig> {
  const { token, ca } = readJoin(join_ ?? (await joinString(plane)))
  const config = await configFor(plane, join(folder, hostname), {
    ...quick,
    hostname,
    insecureHttp: false,
    tokenValue: token,
    caFingerprint: ca,
  })
  const joining = { ...config, caFile: pinnedCaFile(config.dataDir) }
  await ensureAuthority({ config: joining, clock: systemClock, log: silentLog })
  return { ...joining, caFingerprint: undefined }
}

function untilAllTrust({ admin }: TestControlPlane): Promise<AuthorityStatus> {
  return until('all nodes trust the next one', async () => {
    const { body } = await admin.getAuthorities({})
    return body.behind_count === 0 && body
  })
}

const fingerprints = ({ authorities }: AuthorityStatus): string[] =>
  authorities.map(({ fingerprint }) => fingerprint)

const statesOf = ({ authorities }: AuthorityStatus): string[] =>
  authorities.map(({ state }) => state)

const pinned = ({ caFile = '' }: AgentConfig): Promise<string[]> => fileFingerprints(caFile)

async function fileFingerprints(file: string): Promise<string[]> {
  return certificatesIn(await readFile(file, 'utf8')).map(fingerprintOf)
}

/** The authority that has signed what a new connection is shown. */
async function shownBy({ url, dataDir }: TestControlPlane): Promise<string> {
  const all = certificatesIn(await readFile(join(dataDir, 'ca.crt'), 'utf8'))
  const { hostname, port } = new URL(url)
  for (const ca of all) {
    const isShown = await new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), ca }, () => {
        socket.destroy()
        resolve(true)
      }).on('error', () => resolve(false))
    })
    if (isShown) return fingerprintOf(ca)
  }
  return ''
}
