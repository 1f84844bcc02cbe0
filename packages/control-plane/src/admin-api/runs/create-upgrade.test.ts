import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { driveRuns } from '../../runs/drive.ts'
import { type EnrolledNode, startControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'

const signature = Buffer.alloc(64, 7).toString('base64')
const capabilities = { builtin_actions: [{ name: 'service.upgrade' }] }
const checksumOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

describe('an upgrade of many nodes', () => {
  it('gives each node the checksum of the build for its platform', async () => {
    await using fleet = await openFleet()
    await fleet.enrol('web', 'amd64')
    await fleet.enrol('pi', 'arm64')
    const run = await fleet.upgrade({ selector: '*' })
    assert.deepEqual([run.action, run.parameters], ['service.upgrade', { version: '1.6.0' }])
    assert.deepEqual([run.timeout, run.healthy_within], ['15m0s', '5m0s'])
    for (const [host, arch] of [
      ['web', 'amd64'],
      ['pi', 'arm64'],
    ] as const) {
      const { parameters } = await fleet.execution(host)
      assert.deepEqual(parameters, { version: '1.6.0', checksum: checksumOf(`plexd ${arch}`) })
    }
  })

  it('goes on when the canary is well as the new version, not before', async () => {
    await using fleet = await openFleet()
    for (const host of ['a', 'b', 'c']) await fleet.enrol(host, 'amd64')
    const run = await fleet.upgrade({ selector: '*', canary: 1 })
    await fleet.ends('a')
    assert.deepEqual(await fleet.statuses(run.id), ['verifying', 'waiting', 'waiting'])
    await fleet.beats('a', { version: '1.5.0', status: 'healthy' })
    await fleet.beats('a', { version: '1.6.0', status: 'degraded' })
    assert.deepEqual(await fleet.statuses(run.id), ['verifying', 'waiting', 'waiting'])
    await fleet.beats('a', { version: '1.6.0', status: 'healthy' })
    assert.deepEqual(await fleet.statuses(run.id), ['succeeded', 'running', 'running'])
  })

  it('stops at a canary that is not well in time, and can be paused and resumed', async () => {
    await using fleet = await openFleet()
    for (const host of ['a', 'b']) await fleet.enrol(host, 'amd64')
    const { id: run_id } = await fleet.upgrade({ selector: '*', canary: 1, healthy_within: '1m' })
    const { admin } = fleet.plane
    assert.equal((await admin.pauseRun({ params: { run_id } })).body.state, 'paused')
    assert.equal((await admin.resumeRun({ params: { run_id } })).body.state, 'running')
    await fleet.ends('a')
    await fleet.beats('a', { version: '1.5.0', status: 'healthy' })
    await fleet.clock.advance(61_000)
    assert.deepEqual(await fleet.statuses(run_id), ['failed', 'not_started'])
    const { body } = await admin.listRunNodes({ params: { run_id } })
    assert.equal(
      body.items[0]?.reason,
      'it ran, and no healthy heartbeat of plexd 1.6.0 came within 1m0s: the last one said "healthy", of plexd 1.5.0',
    )
  })

  it('skips Go nodes, those without the action, and those that run it already, and says so', async () => {
    await using fleet = await openFleet()
    await fleet.enrol('web', 'amd64')
    await fleet.enrol('new', 'amd64')
    await fleet.beats('new', { version: '1.6.0', status: 'healthy' })
    await fleet.plane.enrol('go', { userAgent: 'plexd/1.5.0', reported: platform('amd64') })
    await fleet.plane.enrol('bare', { reported: platform('amd64') })
    await fleet.enrol('risc', 'riscv64')
    const { id: run_id } = await fleet.upgrade({ selector: '*' })
    const { body } = await fleet.plane.admin.listRunNodes({ params: { run_id } })
    const reasonOf = (host: string) =>
      body.items.find(({ node_hostname }) => node_hostname === host)?.reason ?? 'none'
    assert.equal(reasonOf('web'), '')
    assert.equal(reasonOf('new'), 'it runs plexd 1.6.0 already')
    assert.match(reasonOf('go'), /Go agent/)
    assert.match(reasonOf('bare'), /has announced no action/)
    assert.equal(reasonOf('risc'), 'there is no plexd 1.6.0 for linux/riscv64')
  })

  it('is refused for a version that was not uploaded, and for who may only read', async () => {
    await using fleet = await openFleet()
    await fleet.enrol('web', 'amd64')
    await assert.rejects(
      fleet.upgrade({ selector: '*', version: '1.7.0' }),
      isError(400, 'there is no plexd 1.7.0: upload it first, with "plexctl artifact upload"'),
    )
    const { plane } = fleet
    const { body } = await plane.admin.createAdminToken({ body: { name: 'bob', role: 'viewer' } })
    const answer = await fetch(`${plane.url}/admin/v1/upgrades`, {
      method: 'POST',
      headers: { authorization: `Bearer ${body.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ selector: '*', version: '1.6.0' }),
    })
    assert.equal(answer.status, 403)
  })

  it('of one node finds the checksum too, and is refused without a build', async () => {
    await using fleet = await openFleet()
    await fleet.enrol('web', 'amd64')
    const run = (version: string) =>
      fleet.plane.admin.runAction({
        params: { node: 'web' },
        body: { action: 'service.upgrade', parameters: { version } },
      })
    const { body } = await run('1.6.0')
    assert.equal(body.parameters.checksum, checksumOf('plexd amd64'))
    await assert.rejects(
      run('1.7.0'),
      isError(400, 'there is no plexd 1.7.0 for linux/amd64: upload it'),
    )
  })
})

function platform(arch: string) {
  return { os: 'linux', arch }
}

/** A control plane with signed builds of 1.6.0 for two platforms. */
async function openFleet() {
  const clock = createFakeClock()
  const plane = await startControlPlane({ clock })
  const nodes = new Map<string, EnrolledNode>()
  for (const arch of ['amd64', 'arm64'])
    await plane.admin.putArtifact({
      params: { version: '1.6.0', ...platform(arch) },
      body: Buffer.from(`plexd ${arch}`),
      headers: { 'x-plexd-signature': signature },
    })
  const nodeOf = (host: string): EnrolledNode => {
    const node = nodes.get(host)
    assert.ok(node)
    return node
  }
  const execution = async (node: string) => {
    const { body } = await plane.admin.listExecutions({ params: { node } })
    const [newest] = body.items
    assert.ok(newest)
    return newest
  }
  return {
    plane,
    clock,
    execution,
    async enrol(host: string, arch: string) {
      nodes.set(host, await plane.enrol(host, { capabilities, reported: platform(arch) }))
      await this.beats(host, { version: '1.5.0', status: 'healthy' })
    },
    async beats(host: string, said: { version: string; status: string }) {
      await clock.advance(1)
      const node = nodeOf(host)
      const binary_checksum = checksumOf(said.version)
      await node.api.heartbeat({ params: node, body: { ...said, binary_checksum } })
    },
    async ends(host: string) {
      const { node_id } = nodeOf(host)
      const { id: execution_id } = await execution(host)
      const params = { node_id, execution_id }
      const body = { status: 'success' as const, exit_code: 0 }
      await nodeOf(host).api.finishExecution({ params, body })
    },
    upgrade: async (spec: object) =>
      (await plane.admin.createUpgrade({ body: { version: '1.6.0', ...spec } })).body,
    async statuses(run_id: string) {
      await driveRuns(plane.app)
      const { body } = await plane.admin.listRunNodes({ params: { run_id } })
      return body.items.map(({ status }) => status)
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}
