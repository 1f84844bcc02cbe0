import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { startPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { untilMeshed } from '../mesh/support/members.ts'
import { openMesh } from '../mesh/support/mesh.ts'
import {
  build,
  createRelease,
  draw,
  type Release,
  settingsFor,
  versionA,
  versionB,
} from './support/builds.ts'

/** A version, what it does as a shell script, and why it is rolled back. */
const faults: [[string, string, RegExp], ...[string, string, RegExp][]] = [
  ['2.0.1', 'exit 7', /it ended with exit code 7, the last of 2 starts/],
  ['2.0.2', '(sleep 1.5; kill -STOP $$) & exec "$real" "$@"', /was not healthy within 10s/],
  [
    '2.0.3',
    '(sleep 2; kill -SEGV $$) & exec "$real" "$@"',
    /it was ended by SIGSEGV, the last of 2 starts/,
  ],
]

/** Of 200 packets a second. */
const mayBeLost = 2

describe('a node in a mesh that upgrades itself', { skip: labSkip() }, () => {
  let release: Release
  let packaged = ''
  const mesh = openMesh(['web', 'db'], {
    async prepare({ lab, system }) {
      release = await createRelease(join(lab.folder, 'release'), system.plexctl)
      packaged = join(lab.folder, 'plexd')
      await copyFile(await build(versionA), packaged)
    },
    join: (name) => (name === 'web' ? { config: settingsFor(release, '3s'), file: packaged } : {}),
  })
  before(() => untilMeshed([mesh.web, mesh.db]))

  const upgradeTo = async (version: string, checksum: string) => {
    const running = startPing(mesh.db.host, mesh.web.meshIp)
    const { body: created } = await mesh.system.admin.runAction({
      params: { node: 'web' },
      body: { action: 'service.upgrade', parameters: { version, checksum }, timeout: '5m' },
    })
    const params = { execution_id: created.id }
    const execution = await until(
      'a result',
      async () => {
        const { body } = await mesh.system.admin.getExecution({ params })
        return body.finished_at !== null && body
      },
      60_000,
      200,
    ).catch(async (cause: unknown) => {
      throw new Error(await mesh.web.agent.program().log(), { cause })
    })
    const { sent, received } = await running.stop()
    return { execution, lost: sent - received, sent }
  }

  const runningVersion = async (): Promise<string> =>
    JSON.parse(await mesh.web.plexd('status', '--json')).version

  it('goes back by itself when the new version does not get well, whatever it does, and traffic flows on', async (t) => {
    for (const [version, script, reason] of draw(faults)) {
      const checksum = await release.publishScript(version, script)
      const { execution, lost, sent } = await upgradeTo(version, checksum)
      t.diagnostic(`${script}: lost ${lost} of ${sent}: ${execution.stderr.trim()}`)
      assert.equal(execution.status, 'failure')
      assert.match(execution.stderr, reason)
      assert.ok(lost <= mayBeLost, `lost ${lost} of ${sent}`)
      assert.equal(await until('it is back', runningVersion), versionA)
      assert.match(
        await mesh.web.plexd('status'),
        new RegExp(`  - plexd ${version} was rolled back`),
      )
    }
  })

  it('goes from A to B under traffic, and is known by that', async (t) => {
    const checksum = await release.publish(versionB, await build(versionB))
    const { execution, lost, sent } = await upgradeTo(versionB, checksum)
    t.diagnostic(`lost ${lost} of ${sent}`)
    assert.deepEqual(
      [execution.status, execution.stdout],
      ['success', `plexd ${versionB} runs in place of ${versionA}\n`],
    )
    assert.ok(lost <= mayBeLost, `lost ${lost} of ${sent}`)
    const status = JSON.parse(await mesh.web.plexd('status', '--json'))
    assert.partialDeepStrictEqual(status, {
      version: versionB,
      upgrade: { version: versionB, from: versionA, status: 'confirmed', reason: '' },
      problems: [],
    })
    await mesh.web.agent.end()
    await mesh.web.agent.start()
    assert.equal(await runningVersion(), versionB, 'the packaged file goes on as B')
  })
})
