import { type Check, examine, tellFindings } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { controlPlaneCheck } from '../doctor/control-plane-check.ts'
import { daemonChecks } from '../doctor/daemon-checks.ts'
import { firewallChecks } from '../doctor/firewall-checks.ts'
import { interfaceCheck } from '../doctor/interface-check.ts'
import { machineChecks } from '../doctor/machine-checks.ts'
import { routingCheck } from '../doctor/routing-check.ts'
import { socketCheck } from '../doctor/socket-check.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'

const checks: readonly Check<AgentConfig>[] = [
  ...machineChecks,
  ...firewallChecks,
  routingCheck,
  interfaceCheck,
  controlPlaneCheck,
  socketCheck,
  ...daemonChecks,
]

export async function runDoctor(flags: Flags, options: Json): Promise<void> {
  tellFindings(await examine(checks, await loadConfigFor(flags)), options)
}
