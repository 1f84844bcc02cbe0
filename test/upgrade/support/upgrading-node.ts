import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminApi, createClient, type Execution } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type AgentProcess, startAgentProcess } from '../../../scripts/programs/agent.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../../scripts/programs/control-plane.ts'
import { runProgram } from '../../../scripts/programs/program.ts'
import { build, createRelease, type Release, settingsFor, versionA } from './builds.ts'

/** A control plane, and an agent as a single file of version A. */
export async function startUpgradingNode() {
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

export type UpgradingNode = Awaited<ReturnType<typeof startUpgradingNode>>
