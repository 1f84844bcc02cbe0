import { join } from 'node:path'
import { readJoin } from '@plexd/protocol'
import { createSerialQueue, silentLog, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { pinnedCaFile, recallSettings, rememberSettings } from '../config/remembered.ts'
import type { Agent } from '../daemon/agent.ts'
import { ensureAuthority } from '../registration/authority.ts'
import { configFor, startTestAgent, type TestAgent } from './node.ts'

/** An agent in this process that has joined by a join string, knows from then on what it remembers, and starts again when it wants to. */
export interface RememberingAgent extends AsyncDisposable {
  readonly dataDir: string
  /** Of the running one. */
  agent(): Agent
  /** Where it has its control plane. */
  url(): string
}

export async function startRememberingAgent(
  folder: string,
  { hostname, join: text }: { hostname: string; join: string },
): Promise<RememberingAgent> {
  const { url, token, ca } = readJoin(text)
  const config = await configFor({ url }, join(folder, hostname), {
    hostname,
    insecureHttp: false,
    tokenValue: token,
    socketEnabled: false,
    heartbeatMs: 1_000,
  })
  const { dataDir } = config
  const joining = { ...config, caFile: pinnedCaFile(dataDir), caFingerprint: ca }
  await ensureAuthority({ config: joining, clock: systemClock, log: silentLog })
  const inOrder = createSerialQueue()
  let isOver = false
  let running: TestAgent
  let current: AgentConfig

  async function start(next: AgentConfig): Promise<void> {
    current = next
    running = await startTestAgent(next, {
      remember: () => rememberSettings(next, {}),
      restart: () => void inOrder(startAgain),
    })
  }

  async function startAgain(): Promise<void> {
    if (isOver) return
    await running[Symbol.asyncDispose]()
    await start({ ...config, ...(await recallSettings(dataDir, {}, silentLog)) })
  }

  await start({ ...joining, caFingerprint: undefined })
  return {
    dataDir,
    agent: () => running.agent,
    url: () => current.apiUrl,
    async [Symbol.asyncDispose]() {
      isOver = true
      await inOrder(async () => running[Symbol.asyncDispose]())
    },
  }
}
