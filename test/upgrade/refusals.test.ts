import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { goArch } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { changedFiles } from '../support/changed-files.ts'
import { createRandom } from '../support/random.ts'
import { build, draw, versionA, versionB } from './support/builds.ts'
import { type UpgradingNode as Node, startUpgradingNode } from './support/upgrading-node.ts'

/** Of the file of a build, in each of its regions. */
const changes = process.env.PLEXD_UPGRADE_CASES === 'all' ? 64 : 2
const seed = Number(process.env.PLEXD_UPGRADE_SEED ?? Date.now() % 1_000_000)

describe('a node that is asked to upgrade', () => {
  let node: Node
  before(async () => {
    node = await startUpgradingNode()
  })
  after(() => node[Symbol.asyncDispose]())

  it('refuses a build whose checksum or signature lies, that has none, or is not there, and runs on', async () => {
    const { release } = node
    const { pid } = node.agent.program()
    const real = await build(versionB)
    const truth = await release.publish(versionB, real)
    await release.publish('1.2.0', real, { signatureOf: versionB })
    await release.publish('1.3.0', real, { unsigned: true })
    const refused: [Record<string, string>, RegExp][] = [
      [{ version: versionB, checksum: '0'.repeat(64) }, /has another build there, with sha256:/],
      [{ version: '1.2.0', checksum: truth }, /signature is by none of the 1 release keys/],
      [{ version: '1.3.0', checksum: truth }, /has no signature/],
      [{ version: '1.4.0', checksum: truth }, /there is no plexd 1\.4\.0 for linux/],
      [{ version: '0.9.0', checksum: truth }, /older than 1\.0\.0: ask with allow_downgrade=true/],
      [{ version: '../1.0.0', checksum: truth }, /want one such as 1\.5\.0/],
    ]
    for (const [parameters, reason] of refused) {
      const { status, stderr } = await node.upgrade(parameters)
      assert.equal(status, 'failure')
      assert.match(stderr, reason)
    }
    assert.equal(node.state(), '', 'nothing was chosen')
    assert.equal(node.agent.program().pid, pid)
    assert.equal((await node.status()).version, versionA)
  })

  it(`refuses a build that was changed anywhere after it was signed, with bytes drawn with ${seed}`, async () => {
    const random = createRandom(seed)
    const good = Buffer.concat([Buffer.from('7f454c46', 'hex'), randomBytes(64 * 1024)])
    const source = join(node.agent.home, 'small')
    await writeFile(source, good)
    const version = '1.6.0'
    const checksum = await node.release.publish(version, source)
    const { os, arch } = { os: process.platform, arch: goArch(process.arch) }
    const stored = join(node.controlPlane.dataDir, 'artifacts/plexd', version, os, arch)
    for (const [what, bad] of changedFiles(good, random, changes)) {
      await writeFile(stored, bad)
      const { status, stderr } = await node.upgrade({ version, checksum })
      assert.equal(status, 'failure', `${what}, seed ${seed}`)
      assert.match(
        stderr,
        /is not the build with|is damaged on the control plane/,
        `${what}: seed ${seed}`,
      )
    }
    assert.equal(node.state(), '', 'nothing was chosen')
    assert.equal((await node.status()).version, versionA)
  })

  it('refuses a build that says it is another version, before it goes on trial', async () => {
    const checksum = await node.release.publish('1.5.0', await build(versionB))
    const { status, stderr } = await node.upgrade({ version: '1.5.0', checksum })
    assert.equal(status, 'failure')
    assert.match(stderr, /the build says that it is plexd "1\.1\.0"/)
  })

  it('takes the version that it runs as done', async () => {
    const { status, stdout } = await node.upgrade({ version: versionA, checksum: '0'.repeat(64) })
    assert.deepEqual([status, stdout], ['success', `plexd ${versionA} runs already\n`])
  })

  it('goes on with the download when the control plane is killed in the middle, and later back to A when asked', async (t) => {
    const checksum = await node.release.publish(versionB, await build(versionB))
    const execution = await node.ask({ version: versionB, checksum })
    const breaks = async () => (await node.log()).split('download of a build was inter').length
    const before = await breaks()
    await until('a part', () => partBytes(node) > 0, 20_000, 1)
    await node.controlPlane.end('SIGKILL')
    t.diagnostic(`killed after ${partBytes(node)} bytes`)
    await until(
      'the download has broken off',
      async () => hasFile(node) || (await breaks()) > before,
    )
    await node.controlPlane.start()
    const { status, stdout } = await node.resultOf(execution)
    assert.deepEqual(
      [status, stdout],
      ['success', `plexd ${versionB} runs in place of ${versionA}\n`],
    )
    const { pid } = node.agent.program()
    assert.notEqual((await node.status()).pid, pid, 'its supervisor is still there')
    await node.admin.runAction({ params: { node: 'web' }, body: { action: 'service.restart' } })
    await until('one process', async () => (await node.status()).pid === pid, 20_000, 100)
    const back = await node.release.publish(versionA, await build(versionA))
    const older = await node.upgrade({
      version: versionA,
      checksum: back,
      allow_downgrade: 'true',
    })
    assert.equal(older.stdout, `plexd ${versionA} runs in place of ${versionB}\n`)
  })
})

/** Where a node is when it is killed, and how that is seen from outside. */
const moments: [[string, (node: Node) => boolean], ...[string, (node: Node) => boolean][]] = [
  ['while it downloads', (node) => partBytes(node) > 0],
  ['when the file is in place', (node) => hasFile(node)],
  ['when the new version is chosen', (node) => node.state().includes('"candidate"')],
  ['when it goes on trial', (node) => node.state().includes('"starts": 1')],
  ['while it is on trial', (node) => /"lacks": "[^"]/.test(node.state())],
  ['when it is confirmed', (node) => node.state().includes('"confirmed"')],
]

describe('a node that is killed while it upgrades', () => {
  for (const [when, isThen] of draw(moments))
    it(`ends at A or B, and says which, when that is ${when}`, async () => {
      await using node = await startUpgradingNode()
      const checksum = await node.release.publish(versionB, await build(versionB))
      const execution = await node.ask({ version: versionB, checksum })
      await until(when, () => isThen(node), 30_000, 1)
      await node.agent.end('SIGKILL')
      await node.agent.start()
      const { status, stdout, stderr } = await node.resultOf(execution)
      const { version } = await until('it runs', async () => {
        const now = await node.status()
        return now.version !== undefined && now
      })
      if (status === 'success') {
        assert.equal(stdout, `plexd ${versionB} runs in place of ${versionA}\n`)
        assert.equal(version, versionB)
      } else {
        assert.match(stderr, /plexd was restarted while the action ran|was rolled back/)
        assert.equal(version, versionA)
      }
    })
})

function partBytes({ agent }: Node): number {
  const folder = join(agent.dataDir, 'versions', versionB)
  const [part] = filesIn(folder).filter((name) => name.endsWith('.part'))
  return part === undefined
    ? 0
    : (statSync(join(folder, part), { throwIfNoEntry: false })?.size ?? 0)
}

function hasFile({ agent }: Node): boolean {
  return filesIn(join(agent.dataDir, 'versions', versionB)).includes('plexd')
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // not there yet
  }
}
