import { type Check, ok } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'

type Run = Check<AgentConfig>['run']

/** The check where a mesh is wanted; elsewhere it is not needed. */
export function ifMesh(check: Run): Run {
  return async (config) =>
    config.meshEnabled ? check(config) : ok('not needed: the mesh is switched off')
}
