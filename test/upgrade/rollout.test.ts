import assert from 'node:assert/strict'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { FleetVersions, Run, RunNode } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { pages } from '../support/pages.ts'
import { startManager } from '../support/service-manager.ts'
import { type System, startSystem } from '../support/system.ts'
import {
  build,
  createRelease,
  type Release,
  settingsFor,
  versionA,
  versionB,
} from './support/builds.ts'

const rolledOut = ['web-1', 'web-2', 'web-3'] as const
const leftAlone = 'db'

describe('a rollout to several nodes, the first of them as a canary', () => {
  let system: System
  let release: Release
  /** Of one of the nodes, as systemd would be. */
  const manager = startManager(`@plexd-rollout-${process.pid}`)
  before(async () => {
    system = await startSystem()
    release = await createRelease(join(system.folder, 'release'), async (...args) => {
      const { code, stdout, stderr } = await system.plexctl(...args)
      assert.equal(code, 0, stderr)
      return stdout
    })
    const config = join(system.folder, 'config.yaml')
    await writeFile(config, settingsFor(release, '1s'))
    const start = async (hostname: string, env: string): Promise<void> => {
      const file = join(system.folder, `plexd-${hostname}`)
      await copyFile(await build(versionA), file)
      const told = hostname === rolledOut[0] ? Object.entries(manager.env) : []
      const prefix = ['env', ...told.map(([name, value]) => `${name}=${value}`)]
      await system.startAgent(hostname, {
        metadata: { env },
        args: ['--config', config],
        file,
        prefix,
      })
    }
    // Once, before four would build it at the same time.
    await build(versionA)
    await Promise.all([
      ...rolledOut.map((hostname) => start(hostname, 'prod')),
      start(leftAlone, 'test'),
    ])
    await until('all tell their version', async () => (await nodesAt(versionA)) === 4)
  })
  after(async () => {
    await system[Symbol.asyncDispose]()
    manager[Symbol.dispose]()
  })

  const rollOut = async (version: string) => {
    const spread = ['--selector', 'env=prod', '--canary', '1', '--wait']
    const { code, stderr } = await system.plexctl('upgrade', version, ...spread)
    const [run] = (await system.admin.listRuns({ query: { limit: '1' } })).body.items as [Run]
    const nodes = await pages((page) =>
      system.admin.listRunNodes({ params: { run_id: run.id }, ...page }),
    )
    return { code, stderr, run, nodes }
  }
  const nodesAt = async (version: string): Promise<number> => {
    const { stdout } = await system.plexctl('upgrade', 'status', '--json')
    const { items } = JSON.parse(stdout || '{"items":[]}') as FleetVersions
    return items.find((item) => item.version === version)?.nodes ?? 0
  }

  it('ends at the canary when that goes back, and no other node begins', async () => {
    await release.publishScript('2.0.1', 'exit 7')
    const { code, stderr, run, nodes } = await rollOut('2.0.1')
    assert.notEqual(code, 0)
    assert.equal(run.state, 'failed', stderr)
    const begun = nodes.filter(({ started_at }) => started_at !== null)
    assert.deepEqual(
      begun.map(({ status }) => status),
      ['failed'],
    )
    await until('all are at A', async () => (await nodesAt(versionA)) === 4)
    const { stdout } = await system.plexctl('upgrade', 'status')
    assert.match(stdout, new RegExp(`${begun[0]?.node_hostname}: ${versionA} to 2\\.0\\.1, rolled`))
  })

  it('goes to the others when the canary is well, and to none that the selector does not match', async () => {
    await release.publish(versionB, await build(versionB))
    const { code, stderr, run, nodes } = await rollOut(versionB)
    assert.equal(code, 0, stderr)
    assert.equal(run.state, 'succeeded')
    assert.deepEqual(nodes.map(({ node_hostname }) => node_hostname).sort(), rolledOut)
    const [canary, ...others] = nodes.toSorted((a, b) => startOf(a) - startOf(b))
    for (const other of others) assert.ok(startOf(other) >= Date.parse(canary?.ended_at ?? ''))
    assert.deepEqual([await nodesAt(versionB), await nodesAt(versionA)], [3, 1])
  })

  it('is a restart to a service manager, which hears from the process that it started', async () => {
    const restarted = manager.told().lastIndexOf('STATUS=restarting')
    assert.ok(restarted > 0, manager.told().join('\n'))
    const behind = () => manager.told().slice(restarted)
    // The version before keeps the watchdog quiet until then.
    await until('the new version is ready, and then alive', () => {
      const ready = behind().indexOf('READY=1')
      return ready > 0 && behind().includes('WATCHDOG=1', ready)
    })
    assert.ok(!manager.told().includes('STOPPING=1'))
  })
})

function startOf({ started_at }: RunNode): number {
  return Date.parse(started_at ?? '')
}
