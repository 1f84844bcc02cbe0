import { existsSync } from 'node:fs'
import {
  type Check,
  describeMissing,
  type Finding,
  failed,
  findTool,
  installTool,
  ok,
  type Tool,
  tools,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { isWanted } from '../health/tool-watch.ts'
import { ifMesh } from './if-mesh.ts'
import { hasKernelWireguard } from './wireguard-check.ts'

/** A row for each external program that plexd runs. */
export const toolChecks: readonly Check<AgentConfig>[] = (Object.keys(tools) as Tool[]) // its keys are all that there are
  .filter((tool) => tools[tool].of === undefined)
  .map((tool) => ({ name: `tool ${tool}`, run: (config) => checkTool(tool, config) }))

async function checkTool(tool: Tool, config: AgentConfig): Promise<Finding> {
  const path = await findTool(tool)
  if (path !== undefined) return ok(`${path}, ${tools[tool].use}`)
  const { need } = tools[tool]
  if (need === 'sandbox') return ok(`not installed, which ${tools[tool].use}: ${installTool(tool)}`)
  if (need === 'journal' && !existsSync(journalFolder))
    return ok('not needed: this machine has no journal')
  if (need === 'systemd' && !existsSync(systemdFolder))
    return ok('not needed: systemd does not run this machine')
  if (need === undefined || need === 'journal' || need === 'systemd')
    return warning(describeMissing(tool), installTool(tool))
  return ifMesh(() => checkNeed(tool, config))(config)
}

/** Made by systemd-journald. */
const journalFolder = '/run/systemd/journal'
/** sd_booted(3) */
const systemdFolder = '/run/systemd/system'

async function checkNeed(tool: Tool, config: AgentConfig): Promise<Finding> {
  if (!isWanted(tool, config))
    return ok('not needed: neither "policy.enabled" nor "nat_traversal.enabled" wants it')
  if (tools[tool].need === 'userspace' && (await hasKernelWireguard()))
    return ok('not needed: the kernel has WireGuard')
  return failed(describeMissing(tool), installTool(tool))
}
