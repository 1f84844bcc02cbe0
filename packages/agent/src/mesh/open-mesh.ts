import { readFile } from 'node:fs/promises'
import type { NatType } from '@plexd/protocol'
import { CliError, type Clock, exitCodes, type Log, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { placesOf } from '../config/places.ts'
import { openPacketFilter, type PacketFilter } from '../firewall/packet-filter.ts'
import type { RoundOptions } from '../nat/discovery-rounds.ts'
import { realNetwork } from '../nat/netcheck.ts'
import { stunServersOf } from '../nat/stun/told-servers.ts'
import { createPingOpener, type OpenPing } from '../path/ping-socket.ts'
import type { RoutingPlace } from '../routing/decide-routing.ts'
import { createMeshRouting, type MeshRouting } from '../routing/mesh-routing.ts'
import { loadRoutingPrint } from '../routing/routing-print.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { createLinuxDevice, type LinuxDevice } from '../wireguard/device-linux.ts'
import { lockInterface, lockPacketFilter } from '../wireguard/interface/interface-lock.ts'
import { type Footprint, filterRows, removeFootprint } from './footprint.ts'

/** This node's place in the mesh. */
export interface MeshPlace extends RoutingPlace {
  natType(): NatType
  /** The STUN servers that the control plane names. */
  stunServers(): readonly string[]
}

/** The parts of a mesh on this machine. */
export interface OpenMesh extends AsyncDisposable {
  readonly device: WireguardDevice
  /** Absent if filtering is disabled in the config. */
  readonly filter?: PacketFilter
  /** The routes into the mesh, and the exceptions; absent without an interface. */
  readonly routing?: MeshRouting
  /** Discovery of the public endpoint; absent if disabled in the config. */
  readonly network?: RoundOptions
  /** For probing the paths to peers; absent without an interface. */
  readonly openPing?: OpenPing
  /** Removes all of it from this machine permanently. */
  leave(): Promise<unknown>
}

/** Opens this machine's mesh as configured. The interface is created, or adopted, when peers are first applied. */
export async function openMesh(
  config: AgentConfig,
  place: MeshPlace,
  log: Log,
  clock: Clock = systemClock,
): Promise<OpenMesh> {
  const { policyEnabled: isFiltered } = config
  const filter = await openPacketFilter(log)
  // Tables left by an earlier start with filtering would enforce old rules, and the backstop alone would drop everything.
  if (!isFiltered) await removeFootprint(footprintOf(config), { rows: filterRows })
  const print = await loadRoutingPrint(log)
  const routing = createMeshRouting({ ...place, print })
  const device = await openDevice(config, { place, routing, log })
  const seen = { onWrite: filter.ownProcesses.add, clock, log }
  return {
    device,
    routing,
    openPing: createPingOpener(config.meshInterface),
    ...(isFiltered ? { filter } : {}),
    ...(config.natEnabled
      ? { network: realNetwork({ ...networkOptions(config, place), ...seen }) }
      : {}),
    leave: () =>
      removeFootprint(
        { ...footprintOf(config), isCertain: isFiltered, removeInterface: () => device.remove() },
        { drivesFilter: isFiltered },
      ),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  }
}

function openDevice(
  { meshInterface, meshPort, meshMtu }: AgentConfig,
  { place, routing, log }: { place: MeshPlace; routing: MeshRouting; log: Log },
): Promise<LinuxDevice> {
  return createLinuxDevice({
    interfaceName: meshInterface,
    listenPort: meshPort,
    ...(meshMtu === undefined ? {} : { mtu: meshMtu }),
    network() {
      const planned = place.place()
      return { ...planned, routed: routing.ranges() ?? planned.meshRanges }
    },
    // A NAT drops an idle UDP mapping after about half a minute.
    keepaliveSeconds: () => (place.natType() === 'none' ? 0 : 25),
    log,
  })
}

/**
 * Makes this the only plexd that owns the interface, and the packet filter of this network namespace. Throws a CliError
 * if another one does, or permission is missing.
 */
export async function claimMesh(config: AgentConfig): Promise<AsyncDisposable> {
  if (!(await mayChangeNetwork())) {
    throw new CliError(
      'the mesh needs the right to change the network: run plexd as root, or leave the network alone with --no-mesh',
      exitCodes.denied,
    )
  }
  await using stack = new AsyncDisposableStack()
  const lock = stack.use((await lockInterface(config.meshInterface)) ?? null)
  if (!lock)
    throw new CliError(
      `interface "${config.meshInterface}" belongs to another plexd on this machine: stop that first ("systemctl stop plexd" if it is the service), or name another interface as "mesh.interface" in the config`,
    )
  // Released before the interface: the next owner may remove the rules.
  if (config.policyEnabled && !stack.use((await lockPacketFilter()) ?? null))
    throw new CliError(
      'the table "inet plexd" of this network namespace belongs to another plexd: stop that with "plexd down", or start this one in a namespace of its own, or with --no-mesh',
    )
  return stack.move()
}

/** For a starting daemon: ownership is uncertain, and the interface stays. */
function footprintOf({ meshInterface, socketPath }: AgentConfig): Footprint {
  return {
    interfaceName: meshInterface,
    socketPath,
    isCertain: false,
    removeInterface: async () => {},
  }
}

function networkOptions(config: AgentConfig, place: MeshPlace) {
  const { stunServers: chosen, meshPort, meshInterface } = config
  const apiUrls = placesOf(config).map(({ apiUrl }) => apiUrl)
  return {
    servers: () => stunServersOf({ chosen, told: place.stunServers(), apiUrls }),
    listenPort: meshPort,
    meshInterface,
  }
}

/** Checks CAP_NET_ADMIN, whoever the user is. */
export async function mayChangeNetwork(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8')
  const [, capabilities = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return (BigInt(`0x${capabilities}`) & (1n << 12n)) !== 0n
}
