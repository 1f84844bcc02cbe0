import { type Check, exec, type Finding, failed, ok, systemClock, warning } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { standardRunDir } from '../disk/namespace-folder.ts'
import { loadIdentity } from '../identity/identity.ts'
import { mayChangeNetwork } from '../mesh/open-mesh.ts'
import { stateOf } from '../process/process-identity.ts'
import { isAnswered } from '../process/sockets/unix-listener.ts'
import { uapiDir, uapiSocketPath } from '../wireguard/backend/backend-userspace.ts'
import { findTunnelProcesses } from '../wireguard/backend/tunnel-processes.ts'
import { isStop } from '../wireguard/backend/wireguard-go.ts'
import { createInterfaceDriver } from '../wireguard/interface/interface-driver.ts'
import { clearName } from '../wireguard/interface/link-calls.ts'
import { isTunnel, type Sight } from '../wireguard/interface/sight.ts'
import { remedyOfAbsence } from './ask-daemon.ts'
import { ifMesh } from './if-mesh.ts'

/** Whether the mesh interface exists, is ours, and works. */
export const interfaceCheck: Check<AgentConfig> = {
  name: 'interface',
  run: ifMesh(checkInterface),
}

async function checkInterface(config: AgentConfig): Promise<Finding> {
  if (!(await mayChangeNetwork()))
    return warning('only root can see who drives it', 'sudo plexd doctor')
  return (
    (await checkSocket(config)) ??
    describeSight(await look(config), config, await remedyOfAbsence(config))
  )
}

/** Checks the process behind the UAPI socket without asking it: if stopped, it would answer late, or never. */
async function checkSocket({ meshInterface: name }: AgentConfig): Promise<Finding | undefined> {
  const path = uapiSocketPath(uapiDir, name)
  const processes = await findTunnelProcesses(path)
  for (const one of processes) {
    if (!one.drives)
      return failed(
        `process ${one.pid} (${one.name}) listens on "${path}", where wireguard-go should for ${name}`,
        `kill ${one.pid}`,
      )
    if (isStop(await stateOf(one)))
      return failed(
        `wireguard-go, process ${one.pid}, is stopped: no packet of ${name} moves`,
        `kill -CONT ${one.pid}`,
      )
  }
  if (processes.length > 0 || !(await isAnswered(path))) return undefined
  return failed(
    `a process of another network namespace listens on "${path}", where wireguard-go should for ${name}`,
    'give each namespace a /run of its own, or name another interface as "mesh.interface" in the config',
  )
}

async function look({ meshInterface, dataDir, hostname }: AgentConfig): Promise<Sight> {
  const identity = await loadIdentity(dataDir, hostname).catch(() => undefined)
  const driver = createInterfaceDriver({
    interfaceName: meshInterface,
    runDir: standardRunDir,
    uapiDir,
    isOurKey: (key) => key !== '' && key === identity?.private_key,
    exec,
    clock: systemClock,
  })
  return driver.look()
}

function describeSight(
  sight: Sight,
  { meshInterface: name }: AgentConfig,
  remedy: string,
): Finding {
  if (sight.state === 'absent')
    return warning(`there is no ${name}: nothing of the mesh moves`, remedy)
  if (sight.state === 'foreign')
    return failed(
      `${name} is not ours: ${sight.why}`,
      isTunnel(sight) || sight.kind === 'altname'
        ? 'plexd up, which takes its place'
        : clearName(name),
    )
  if (sight.state === 'frozen')
    return failed(`${name} does not work: ${sight.why}`, 'plexd up, which replaces it')
  const { backend, link } = sight
  if (link.name === name) return ok(`${name}, by ${backend.name}`)
  return failed(`${name} was renamed to ${link.name}`, `ip link set ${link.name} name ${name}`)
}
