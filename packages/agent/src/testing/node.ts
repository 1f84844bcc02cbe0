import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '@plexd/runtime'
import { type AgentConfig, defaultConfig } from '../config/agent-config.ts'
import { type Agent, startAgent } from '../daemon/agent.ts'
import type { AgentDeps } from '../daemon/stages/core.ts'
import type { FakeControlPlane } from './fake-control-plane.ts'
import { createFakeDevice, type FakeDevice } from './fake-device.ts'

export interface TestFolder extends AsyncDisposable {
  path: string
}

export async function makeFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A config for a fake control plane, with a token file in the folder. */
export async function configFor(
  { url }: Pick<FakeControlPlane, 'url'>,
  folder: string,
  changes: Partial<AgentConfig> = {},
): Promise<AgentConfig> {
  await mkdir(folder, { recursive: true })
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'plx_enroll_test\n', { mode: 0o600 })
  return {
    ...defaultConfig,
    hostname: hostname(),
    apiUrl: url,
    insecureHttp: true,
    dataDir: join(folder, 'data'),
    socketPath: join(folder, 'api.sock'),
    tokenFile,
    joinFile: join(folder, 'join'),
    // What this machine measures and logs is for no test that does not ask for it.
    observeEnabled: false,
    logsEnabled: false,
    ...changes,
  }
}

export interface TestAgent extends AsyncDisposable {
  agent: Agent
  device: FakeDevice
}

/** An agent in this process, with a mesh in memory. */
export async function startTestAgent(
  config: AgentConfig,
  deps: Partial<AgentDeps> = {},
): Promise<TestAgent> {
  const device = createFakeDevice()
  const agent = await startAgent(config, { log: silentLog, env: {}, device, ...deps })
  return { agent, device, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() }
}
