import { type Check, ExecError, type Finding, failed, ok, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { describeBackstopProblem } from '../firewall/backstop/backstop.ts'
import { checkBackstop, findBackstops } from '../firewall/backstop/backstop-process.ts'
import { planBackstop } from '../firewall/backstop/backstop-text.ts'
import { readFlowTable, roomFault } from '../firewall/host/flow-table.ts'
import { findShutChains, findUntracking, type Obstacle } from '../firewall/host/host-firewall.ts'
import type { Chain } from '../firewall/host/nft-json.ts'
import type { MeshTraffic } from '../firewall/host/passages.ts'
import { readOthers } from '../firewall/host/read-others.ts'
import { loadIdentity } from '../identity/identity.ts'
import { placeOf } from '../mesh/place.ts'
import { readDefaultRoutes } from '../routing/tables/default-routes.ts'
import { readRanges } from '../routing/tables/networks.ts'
import { askDaemon } from './ask-daemon.ts'
import { ifMesh } from './if-mesh.ts'

/** Whether rules of other programs disturb the mesh, and whether it stays closed without our table. */
export const firewallChecks: readonly Check<AgentConfig>[] = [
  { name: 'backstop', run: ifFiltered(checkHeld) },
  { name: 'host firewall', run: ifDriven(checkHostFirewall) },
  { name: 'conntrack', run: ifFiltered(checkTracking) },
]

type Run = Check<AgentConfig>['run']

function ifDriven(check: Run): Run {
  return (config) =>
    ifMesh(check)(config).catch((error: unknown) => {
      if (error instanceof ExecError && error.missing) return ok('not needed: there is no nft')
      throw error
    })
}

function ifFiltered(check: Run): Run {
  return async (config) =>
    config.meshEnabled && !config.policyEnabled
      ? ok('not needed: nothing is filtered, by "policy.enabled: false"')
      : ifDriven(check)(config)
}

async function checkHeld(config: AgentConfig): Promise<Finding> {
  const { meshInterface } = config
  const [held] = await findBackstops(meshInterface)
  if (held)
    return ok(`held by process ${held.pid}: without our table nothing passes ${meshInterface}`)
  const plan = planBackstop({ interface: meshInterface })
  const problem = await checkBackstop(plan).then(() => undefined, describeBackstopProblem)
  if (problem !== undefined) return warning(problem, 'upgrade nftables and kernel')
  const status = await askDaemon(config, (client) => client.getStatus({}))
  return status instanceof Error
    ? ok('possible here; it comes with the daemon')
    : warning(
        `nobody holds it: when another program flushes the packet filter, ${meshInterface} is open until plexd has put its table back`,
        'systemctl restart plexd',
      )
}

async function checkHostFirewall(config: AgentConfig): Promise<Finding> {
  const { chains, traffic } = await look(config)
  return tell(
    findShutChains(chains, traffic),
    warning,
    'no chain of another program keeps the mesh in or out',
  )
}

async function checkTracking(config: AgentConfig): Promise<Finding> {
  const { chains, traffic } = await look(config)
  const table = await readFlowTable()
  const fault = table && roomFault(table)
  if (fault) return (fault.isFull ? failed : warning)(fault.detail, fault.remedy)
  return tell(findUntracking(chains, traffic), failed, 'packets of the mesh are tracked')
}

async function look(config: AgentConfig): Promise<{ chains: Chain[]; traffic: MeshTraffic }> {
  const identity = await loadIdentity(config.dataDir, config.hostname).catch(() => undefined)
  return {
    chains: await readOthers(),
    traffic: {
      interface: config.meshInterface,
      wireguardPort: config.meshPort,
      meshRanges: identity && readRanges(placeOf(identity, config).meshRanges),
      uplink: readDefaultRoutes()[0]?.dev,
    },
  }
}

function tell(
  obstacles: readonly Obstacle[],
  bad: (detail: string, remedy: string) => Finding,
  good: string,
): Finding {
  if (obstacles.length === 0) return ok(good)
  const join = (texts: readonly string[]): string => [...new Set(texts)].join('; ')
  return bad(
    join(obstacles.map(({ detail }) => detail)),
    join(obstacles.map(({ remedy }) => remedy)),
  )
}
