import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { adminApi, createClient, type Execution } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import {
  build,
  createRelease,
  draw,
  type Release,
  settingsFor,
  versionA,
  versionB,
} from './support/builds.ts'

/** A control plane, and an agent as a single file of version A. */
async function startNode() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const controlPlane = stack.use(await startControlPlaneProcess(folder))
  const { url, caFile, environment } = controlPlane
  const adminToken = (await readFile(controlPlane.adminTokenFile, 'utf8')).trim()
  const transport = stack.use(createHttpTransport({ baseUrl: url, caFile, userAgent: 'test' }))
  const admin = createClient(adminApi, transport, () => adminToken)
  const release = await createRelease(join(folder, 'release'), async (...args) => {
    const { code, stdout, stderr } = await runProgram('plexctl', args, environment)
    assert.equal(code, 0, stderr)
    return stdout
  })
  const file = join(folder, 'plexd')
  await copyFile(await build(versionA), file)
  const configFile = join(folder, 'config.yaml')
  await writeFile(configFile, settingsFor(release, '1s'))
  const { body } = await admin.createToken({ body: { hostname: 'web' } })
  const agent = stack.use(
    await startAgentProcess(folder, {
      hostname: 'web',
      token: body.token,
      controlPlane: { url, caFile },
      args: ['--config', configFile],
      file,
    }),
  )
  const opened = stack.move()
  return Object.assign(nodeOf(agent, controlPlane, release, admin), {
    configFile,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  })
}

function nodeOf(
  agent: AgentProcess,
  controlPlane: ControlPlaneProcess,
  release: Release,
  admin: ReturnType<typeof createClient<typeof adminApi>>,
) {
  const stateFile = join(agent.dataDir, 'versions/current')
  async function ask(parameters: Record<string, string>): Promise<string> {
    const { body } = await admin.runAction({
      params: { node: 'web' },
      body: { action: 'service.upgrade', parameters, timeout: '5m' },
    })
    return body.id
  }
  async function resultOf(execution_id: string): Promise<Execution> {
    return until(
      'a result',
      async () => {
        const { body } = await admin
          .getExecution({ params: { execution_id } })
          .catch(() => ({ body: undefined })) // the control plane restarts
        return body !== undefined && body.finished_at !== null && body
      },
      90_000,
      100,
    )
  }
  return {
    agent,
    controlPlane,
    release,
    admin,
    stateFile,
    ask,
    resultOf,
    upgrade: async (parameters: Record<string, string>) => resultOf(await ask(parameters)),
    state: () => (existsSync(stateFile) ? readFileSync(stateFile, 'utf8') : ''),
    log: () => agent.program().log(),
    async status() {
      const environment = { PLEXD_NODE_API_SOCKET: agent.socket, PLEXD_DATA_DIR: agent.dataDir }
      const { stdout } = await runProgram('plexd', ['status', '--json'], environment)
      return JSON.parse(stdout || '{}') as { version?: string; pid?: number }
    },
  }
}

type Node = Awaited<ReturnType<typeof startNode>>

describe('a node that is asked to upgrade', () => {
  let node: Node
  before(async () => {
    node = await startNode()
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
    await until('a part', () => partBytes(node) > 0, 20_000, 1)
    await node.controlPlane.end('SIGKILL')
    t.diagnostic(`killed after ${partBytes(node)} bytes`)
    await delay(500)
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
      await using node = await startNode()
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
