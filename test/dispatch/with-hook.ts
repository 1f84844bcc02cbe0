import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import type { System } from '../support/system.ts'

/** Gives all agents that are started with it a hook. Returns the arguments for them. */
export async function writeHook(
  { folder }: System,
  name: string,
  script: string,
): Promise<string[]> {
  const hooks = join(folder, 'hooks')
  await mkdir(hooks, { mode: 0o755 })
  await writeFile(join(hooks, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const config = join(folder, 'with-hook.yaml')
  await writeFile(config, `hooks:\n  dir: ${hooks}\n`)
  return ['--config', config]
}

/** Resolves when the agent has announced its hook. */
export async function startAgentWithHook(
  system: System,
  hostname: string,
  args: readonly string[],
): Promise<AgentProcess> {
  const agent = await system.startAgent(hostname, { args })
  await until(`${hostname} has its hook`, async () => {
    const { body } = await system.admin.getNode({ params: { node: hostname } })
    return body.capabilities?.hooks?.length === 1
  })
  return agent
}
