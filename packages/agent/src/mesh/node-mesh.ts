import type { DatabaseSync } from 'node:sqlite'
import type { Cidr, NatType } from '@plexd/protocol'
import { handOver, type NameCache } from '@plexd/runtime'
import { destinationsOf } from '../config/places.ts'
import { createMark } from '../disk/mark.ts'
import { createEndpoints, type Endpoints } from '../nat/endpoints.ts'
import { createToldServers, type ToldServers } from '../nat/stun/told-servers.ts'
import { type Applier, createApplier } from '../reconcile/apply.ts'
import type { ReconcileRequests } from '../reconcile/requests.ts'
import type { PlannedPlace } from '../routing/range-faults.ts'
import {
  type ControlAddresses,
  createControlAddresses,
  joinControlAddresses,
} from '../routing/tables/control-addresses.ts'
import { readRanges } from '../routing/tables/networks.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { createAbsentDevice } from '../wireguard/device/absent-device.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { whyNoMesh } from './mesh-status.ts'
import { createMeshView, type MeshView, type MeshViewDeps } from './mesh-view.ts'
import { type NodeFirewall, type NodeFirewallDeps, openFirewall } from './node-firewall.ts'
import type { MeshPlace, OpenMesh } from './open-mesh.ts'
import { placeOf } from './place.ts'
import type { RepairCounts } from './repair-counts.ts'

/** The mesh of a node: interface, packet filter, and their current state. */
export interface NodeMesh extends Omit<OpenMesh, 'filter'>, MeshView {
  /** Absent if packets are not filtered. */
  readonly firewall: NodeFirewall | undefined
  readonly endpoints: Endpoints
  readonly stunServers: ToldServers
  readonly applier: Applier
}

export interface MeshSource {
  /** The mesh interface; without one there is no traffic, and the status says so. */
  device?: WireguardDevice
  /** Opens the whole mesh instead, given this node's place in it. */
  openMesh?: (place: MeshPlace) => Promise<OpenMesh>
}

export interface NodeMeshDeps extends MeshSource, NodeFirewallDeps, MeshViewDeps {
  database: DatabaseSync
  requests: Pick<ReconcileRequests, 'ask'>
  names: NameCache
  repairs: Pick<RepairCounts, 'ofInterface'>
}

export async function openNodeMesh(deps: NodeMeshDeps): Promise<NodeMesh> {
  const { config, desired, identity, problems } = deps
  const place = (): PlannedPlace => placeOf(identity(), config, desired.current().mesh_ranges)
  const meshRanges = (): readonly Cidr[] => readRanges(place().meshRanges)
  const mark = createMark(deps.database, 'endpoint')
  const endpoints = createEndpoints({ mark, desired, meshRanges, problems })
  const natType = (): NatType => endpoints.own()?.nat_type ?? 'unknown'
  const peers = (): DesiredPeers => desired.current().peers
  const stunServers = createToldServers(createMark(deps.database, 'stun_servers'), deps.log)
  const addresses = followControlAddresses(deps)
  await using stack = new AsyncDisposableStack()
  const { filter, ...opened } = stack.use(
    deps.openMesh
      ? await deps.openMesh({
          ...{ place, controlAddresses: addresses.current, peers, natType },
          stunServers: stunServers.current,
        })
      : withoutMesh(deps.device ?? createAbsentDevice(config.meshInterface, whyNoMesh(config))),
  )
  const { device, routing, network } = opened
  const firewall = filter && openFirewall(filter, routing, deps)
  const applier = createApplier({
    ...deps,
    device,
    firewall: firewall?.applier,
    ...(routing ? { routing } : {}),
    placed: (peers) => endpoints.placed(peers, network?.interfaces() ?? {}),
    peerRules: () => ({
      meshRanges: meshRanges(),
      leftOut: leftOut(place().meshRanges, routing?.ranges()),
      foreignAllowedIps: config.meshForeignAllowedIps,
    }),
    onRepair: deps.repairs.ofInterface.add,
    onFailure: deps.requests.ask,
  })
  addresses.onChange(applier.applySoon)
  const view = createMeshView({ ...opened, firewall, natType }, deps)
  return {
    ...{ ...opened, firewall, endpoints, stunServers, applier, ...view },
    [Symbol.asyncDispose]: handOver(stack),
  }
}

type DesiredPeers = ReturnType<DesiredStore['current']>['peers']

/** With a proxy it is the proxy's address, the destination of our packets, that must not be routed into the mesh. */
function followControlAddresses({ config, desired, names, clock }: NodeMeshDeps): ControlAddresses {
  const isPeer = (address: string): boolean =>
    desired.current().peers.some(({ mesh_ip }) => mesh_ip === address)
  return joinControlAddresses(
    destinationsOf(config).map((url) => createControlAddresses({ url, isPeer, names, clock })),
  )
}

function withoutMesh(device: WireguardDevice): OpenMesh {
  return { device, leave: () => device.remove(), async [Symbol.asyncDispose]() {} }
}

/** If unknown, all ranges count as routed into the mesh. */
function leftOut(all: readonly string[], routed: readonly string[] = all): Cidr[] {
  return readRanges(all.filter((text) => !routed.includes(text)))
}
