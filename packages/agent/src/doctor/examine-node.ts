import { type Check, examine, type NamedFinding } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { controlPlaneCheck } from './control-plane-check.ts'
import { daemonChecks } from './daemon-checks.ts'
import { firewallChecks } from './firewall-checks.ts'
import { interfaceCheck } from './interface-check.ts'
import { machineChecks } from './machine-checks.ts'
import { routingCheck } from './routing-check.ts'
import { socketCheck } from './socket-check.ts'

const checks: readonly Check<AgentConfig>[] = [
  ...machineChecks,
  ...firewallChecks,
  routingCheck,
  interfaceCheck,
  controlPlaneCheck,
  socketCheck,
  ...daemonChecks,
]

/** Every check of a node with these settings, whether its daemon runs or not. */
export function examineNode(config: AgentConfig): Promise<NamedFinding[]> {
  return examine(checks, config)
}
