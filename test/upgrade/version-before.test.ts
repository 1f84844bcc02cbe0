import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { ping } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { startAgentProcess } from '../../scripts/programs/agent.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { untilMeshed } from '../mesh/support/members.ts'
import { openMesh } from '../mesh/support/mesh.ts'
import { demandService } from './support/demand-service.ts'
import { type MixedInstallation, startMixedInstallation } from './support/mixed-installation.ts'
import { fileOf, type OtherVersion } from './support/other-version.ts'
import { openVersionBefore } from './support/version-before.ts'

const opened = await openVersionBefore()
const skip = typeof opened === 'string' ? opened : false
/** Nothing of it is run where that is skipped. */
const then = opened as OtherVersion
after(() => (skip === false ? then[Symbol.asyncDispose]() : undefined))

describe('a control plane of the version before, with an agent of then and one of now', {
  skip,
}, () => {
  let place: MixedInstallation
  const dataDir = (): string => place.controlPlane().dataDir
  /** The data as it was before the upgrade. */
  const copy = (): string => join(place.folder, 'copy')
  /** Whether the version before can use what that of now has written. */
  const isSameSchema = (): boolean => rowsIn(copy()).schema === rowsIn(dataDir()).schema

  before(async () => {
    place = await startMixedInstallation(then)
  })
  after(() => place[Symbol.asyncDispose]())

  it('serves both', () => place.demandAll())

  it('is replaced by that of now, which has lost nothing of it', async () => {
    await place.controlPlane().end()
    await cp(dataDir(), copy(), { recursive: true })
    await place.replaceControlPlane(undefined)
    await place.demandAll()
    const log = await place.controlPlane().program().log()
    if (isSameSchema()) return
    assert.match(log, /"msg":"the database is changed for this version, and no older one can/)
    assert.match(log, /"step":\d+,"of":\d+,"seconds":[\d.]+,"msg":"the database was changed"/)
  })

  it('serves a node that goes back to the plexd of then, and forward again, with all that it has', async () => {
    const { new: agent, admin } = place
    const identity = await identityOf(agent.dataDir)
    await agent.end()
    const options = { hostname: agent.hostname, token: 'used', controlPlane: place.controlPlane() }
    const older = await startAgentProcess(place.folder, { ...options, ...fileOf(then.plexd) })
    await demandService(admin, older).finally(() => older.end())
    await agent.start()
    await place.demandAll()
    assert.equal(await identityOf(agent.dataDir), identity)
    const files = await readdir(agent.dataDir, { recursive: true })
    assert.deepEqual(
      files.filter((name) => /corrupt|damaged/.test(name)),
      [],
    )
  })

  it('does not go back on a database that was changed: it says why, and leaves it as it is', async (t) => {
    if (isSameSchema()) return void t.skip('the version before has the same schema')
    await place.controlPlane().end()
    const rows = rowsIn(dataDir())
    const serve = [
      'serve',
      '--data-dir',
      dataDir(),
      '--listen',
      '127.0.0.1:0',
      '--stun-listen',
      'off',
    ]
    const command = ['60', then['control-plane'], ...serve]
    const { code, stderr } = await runToEnd('timeout', command)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /schema.* \d+, .*knows \d+.*(run|start) the newer/)
    assert.deepEqual(rowsIn(dataDir()), rows)
    await place.controlPlane().start()
    await place.demandAll()
  })

  it('goes back with the data from before the upgrade, or with all of it where that was not changed', async () => {
    await place.controlPlane().end()
    if (!isSameSchema()) {
      await rename(dataDir(), join(place.folder, 'changed'))
      await rename(copy(), dataDir())
    }
    await place.replaceControlPlane(then['control-plane'])
    await place.demandAll()
  })
})

describe('a mesh of a node of the version before and one of now', {
  skip: skip || labSkip(),
}, () => {
  const mesh = openMesh(['old', 'new'], {
    join: (role) => ({ metadata: { role }, ...(role === 'old' ? fileOf(then.plexd) : {}) }),
  })
  before(() => untilMeshed([mesh.old, mesh.new]))

  it('carries what policies allow and nothing else, whichever of the two began', async () => {
    for (const [from, to] of [
      [mesh.old, mesh.new],
      [mesh.new, mesh.old],
    ] as const) {
      const answers = async (): Promise<boolean> =>
        (await ping(from.host, to.meshIp, { waitMs: 300 })) === 1
      const rule = { from: `role=${from.name}`, to: `role=${to.name}`, protocol: 'icmp' } as const
      const put = (action: 'allow' | 'deny') =>
        mesh.system.admin.putPolicy({
          params: { name: 'allow-all' },
          body: {
            name: 'allow-all',
            rules: [
              { ...rule, action },
              { from: '*', to: '*', action: 'allow' },
            ],
          },
        })
      await put('deny')
      await until(`${to.name} does not answer ${from.name}`, async () => !(await answers()))
      assert.equal(await ping(to.host, from.meshIp), 1, `${from.name} answers ${to.name}`)
      await put('allow')
      await until(`${to.name} answers ${from.name}`, answers)
    }
  })

  it('serves both', async () => {
    for (const { agent } of [mesh.old, mesh.new]) await demandService(mesh.system.admin, agent)
  })

  it('is left by one, which the other no longer has for a peer', async () => {
    await mesh.system.admin.removeNode({ params: { node: 'new' }, query: {} })
    await until('the old one has no peer', async () => (await mesh.old.peers()).length === 0)
  })
})

async function identityOf(dataDir: string): Promise<string> {
  return JSON.parse(await readFile(join(dataDir, 'identity.json'), 'utf8')).node_id
}

/** What the database has, whether or not a control plane has it open. */
function rowsIn(dataDir: string) {
  using database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  const count = (table: string) => database.prepare(`select count(*) as n from ${table}`).get()?.n
  return {
    schema: database.prepare('select version from schema_version').get()?.version,
    counts: ['nodes', 'data_entries', 'secrets', 'events', 'executions'].map(count),
  }
}
