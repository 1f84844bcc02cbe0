import { type Check, ok } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'

type Run = Check<AgentConfig>['run']

/** The check, unless the mesh is disabled. */
export function ifMesh(check: Run): Run {
  return async (config) =>
    config.meshEnabled ? check(config) : ok('not needed: the mesh is switched off')
}
