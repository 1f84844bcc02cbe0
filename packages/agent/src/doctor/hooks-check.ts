import { type Check, type Finding, failed, ok, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { summarize } from '../health/problems.ts'
import { lookAtHooks } from '../hooks/look-at-hooks.ts'

/** Whether this machine's hooks run. */
export const hooksCheck: Check<AgentConfig> = { name: 'hooks', run: checkHooks }

async function checkHooks(config: AgentConfig): Promise<Finding> {
  if (!config.hooksEnabled) return ok('they are switched off')
  const { hooks, warnings } = await lookAtHooks(config)
  const faults = hooks.flatMap(({ name, reason }) => (reason === '' ? [] : [`${name}: ${reason}`]))
  const fault = summarize(faults)
  if (fault !== undefined) return failed(fault, 'plexd hooks verify')
  const note = summarize([...hooks.flatMap((hook) => hook.warnings), ...warnings])
  if (note !== undefined) return warning(note, 'plexd hooks verify')
  return ok(`${hooks.length} in "${config.hooksDir}"`)
}
