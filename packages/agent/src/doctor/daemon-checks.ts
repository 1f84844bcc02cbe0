import { formatNode } from '@plexd/protocol'
import {
  type Check,
  describeError,
  errorCodeOf,
  type Finding,
  failed,
  ok,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { askDaemon } from './ask-daemon.ts'
import { ifMesh } from './if-mesh.ts'

/** What a running daemon reports. */
export const daemonChecks: readonly Check<AgentConfig>[] = [
  { name: 'daemon', run: checkDaemon },
  { name: 'public endpoint', run: checkEndpoint },
  { name: 'peers', run: ifMesh(checkPeers) },
]

async function checkDaemon(config: AgentConfig): Promise<Finding> {
  const status = await askDaemon(config, (client) => client.getStatus({}))
  if (status instanceof Error) return tellSilence(status, config)
  const { problems, needs_restart, uptime } = status
  if (problems.length > 0) return failed(problems.join('; '), 'plexd status')
  if (needs_restart === undefined) return ok(`up for ${uptime}, no problems`)
  return warning(`the next start changes ${needs_restart.join(' ')}`, 'systemctl restart plexd')
}

/** A daemon that accepts the connection and does not answer is running, but hangs. */
function tellSilence(error: Error, { socketPath }: AgentConfig): Finding {
  const detail = `none answers at "${socketPath}": ${describeError(error)}`
  return errorCodeOf(error) === 'ETIMEDOUT'
    ? failed(`${detail}: it is there, and stopped or stuck`, 'systemctl restart plexd')
    : failed(
        detail,
        'start it with "plexd up" or "systemctl start plexd", or name its socket with --socket',
      )
}

async function checkEndpoint(config: AgentConfig): Promise<Finding> {
  const network = await askDaemon(config, (client) => client.checkNetwork({}))
  if (network instanceof Error) return warning(describeError(network), 'plexd status')
  const { public_endpoint, nat_type, nat_reason, way, way_reason } = network
  if (public_endpoint === '')
    return warning(`unknown: ${nat_reason}; ${way}: ${way_reason}`, udpRemedy)
  return ok(`${public_endpoint}, NAT type ${nat_type}, asked by ${way}`)
}

const udpRemedy =
  'let UDP out to the internet, or name servers that can be reached as "nat_traversal.stun_servers" in the config'

async function checkPeers(config: AgentConfig): Promise<Finding> {
  const peers = await askDaemon(config, (client) => client.listPeers({}))
  if (peers instanceof Error) return warning(describeError(peers), 'plexd status')
  const cut = peers.filter(({ state }) => cutStates.has(state))
  const [first] = cut
  if (!first) return ok(`${peers.length} known, none that is not reached`)
  return warning(
    `${cut.length} of ${peers.length} are not reached; ${formatNode(first.id, first.hostname)}: ${first.reason}`,
    'plexd peers',
  )
}

const cutStates: ReadonlySet<string> = new Set(['unanswered', 'misrouted', 'missing'])
