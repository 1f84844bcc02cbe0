import { statfs } from 'node:fs/promises'
import {
  type Check,
  CliError,
  createLog,
  describeError,
  diskFault,
  type Finding,
  failed,
  ok,
  probeDisk,
  systemRemedy,
  warning,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { createNftables } from '../firewall/nftables.ts'
import { loadIdentity } from '../identity/identity.ts'
import { findGroup } from '../local-api/sockets/group.ts'
import { mayChangeNetwork } from '../mesh/open-mesh.ts'
import { containmentCheck } from './containment-check.ts'
import { hooksCheck } from './hooks-check.ts'
import { ifMesh } from './if-mesh.ts'
import { secretFilesCheck } from './secret-files-check.ts'
import { sessionsCheck } from './sessions-check.ts'
import { toolChecks } from './tool-checks.ts'
import { checkWireguard } from './wireguard-check.ts'

/** What the machine needs, whether a daemon is running or not. */
export const machineChecks: readonly Check<AgentConfig>[] = [
  { name: 'identity', run: checkIdentity },
  secretFilesCheck,
  { name: 'disk', run: checkDisk },
  { name: 'groups', run: checkGroups },
  ...toolChecks,
  containmentCheck,
  hooksCheck,
  sessionsCheck,
  { name: 'rights', run: ifMesh(checkRights) },
  { name: 'wireguard', run: ifMesh(checkWireguard) },
  { name: 'packet filter', run: ifMesh(checkFilter) },
]

async function checkIdentity({ dataDir, hostname }: AgentConfig): Promise<Finding> {
  try {
    const identity = await loadIdentity(dataDir, hostname)
    if (identity) return ok(`${identity.node_id} (${identity.hostname}), ${identity.mesh_ip}`)
    return failed(
      `"${dataDir}" holds none: this machine is not enrolled`,
      'plexd join --api https://HOST:PORT --token-file FILE',
    )
  } catch (error) {
    const known = error instanceof CliError ? error.remedy : undefined
    return failed(
      describeError(error),
      known ?? systemRemedy(error, 'run this as root, or name the folder with --data-dir'),
    )
  }
}

const enoughBytes = 64 * 1024 ** 2

async function checkDisk({ dataDir }: AgentConfig): Promise<Finding> {
  try {
    // A user who may not write there is no fault of the disk.
    const fault = await probeDisk(dataDir).then(() => undefined, diskFault)
    if (fault !== undefined)
      return failed(`nothing can be kept in "${dataDir}": ${fault.reason}`, fault.remedy)
    const { bavail, bsize } = await statfs(dataDir)
    const free = bavail * bsize
    const detail = `${Math.floor(free / 1024 ** 2)} MiB free for "${dataDir}"`
    return free < enoughBytes ? failed(detail, 'make room: reports cannot be kept') : ok(detail)
  } catch (error) {
    return failed(describeError(error), systemRemedy(error, 'enrol first: plexd join'))
  }
}

async function checkGroups(): Promise<Finding> {
  const groups = ['plexd', 'plexd-secrets']
  const ids = await Promise.all(groups.map((group) => findGroup(group)))
  const missing = groups.filter((_, index) => ids[index] === undefined)
  if (missing.length === 0) return ok('plexd and plexd-secrets are there')
  const remedy = missing.map((group) => `groupadd --system ${group}`).join(' && ')
  return warning(`only root can use the local API fully: ${missing.join(', ')} missing`, remedy)
}

async function checkRights(): Promise<Finding> {
  if (await mayChangeNetwork()) return ok('may change the network')
  return warning(
    'this command may not change the network, so part of what follows cannot be checked',
    'sudo plexd doctor',
  )
}

async function checkFilter({ policyEnabled }: AgentConfig): Promise<Finding> {
  if (!policyEnabled)
    return warning(
      'every peer reaches every port: "policy.enabled: false"',
      'remove it from the config',
    )
  const problem = await createNftables({ log: createLog('plexd', 'error') }).check()
  if (problem === undefined) return ok('nftables takes our rules')
  const [detail = problem, remedy = 'see "plexd status"'] = problem.split('; ')
  return failed(detail, remedy)
}
