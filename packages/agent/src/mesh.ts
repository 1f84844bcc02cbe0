import { readFile } from 'node:fs/promises'
import { CliError, exitCodes, type Log } from '@plexd/runtime'
import type { AgentConfig } from './config.ts'
import type { MeshPlace } from './core.ts'
import { createLinuxDevice, type LinuxDevice } from './wireguard/device-linux.ts'
import { lockInterface } from './wireguard/interface-lock.ts'

/** Opens the mesh interface as the config wants it. It is made, or adopted, when the first peers are applied. */
export function openMesh(config: AgentConfig, place: MeshPlace, log: Log): Promise<LinuxDevice> {
  return createLinuxDevice({
    interfaceName: config.meshInterface,
    listenPort: config.meshPort,
    network: place.network,
    // A NAT forgets who may send through it after half a minute of silence.
    keepaliveSeconds: () => (place.natType() === 'none' ? 0 : 25),
    log,
  })
}

/** Makes this the only plexd that drives the interface. Throws a CliError when another does, or when it may not. */
export async function claimMesh(config: AgentConfig): Promise<AsyncDisposable> {
  if (!(await mayChangeNetwork())) {
    throw new CliError(
      'the mesh needs the right to change the network: run plexd as root, or leave the network alone with --no-mesh',
      exitCodes.denied,
    )
  }
  const lock = await lockInterface(config.meshInterface)
  if (lock) return lock
  throw new CliError(
    `interface "${config.meshInterface}" belongs to another plexd on this machine: stop that with "plexd down", or name another interface as "mesh.interface" in the config`,
  )
}

/** CAP_NET_ADMIN, whoever the user is. */
async function mayChangeNetwork(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8')
  const [, capabilities = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return (BigInt(`0x${capabilities}`) & (1n << 12n)) !== 0n
}
