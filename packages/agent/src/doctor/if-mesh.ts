import { type Finding, ok } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'

/** Checks what only a mesh needs. */
export async function ifMesh(
  config: AgentConfig,
  check: (config: AgentConfig) => Promise<Finding>,
): Promise<Finding> {
  return config.meshEnabled ? check(config) : ok('not needed: the mesh is switched off')
}
