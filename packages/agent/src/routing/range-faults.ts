/** Why a machine cannot have a range of the mesh. Pure. */
import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  parseIpv4,
  specialRangeIn,
} from '@plexd/protocol'
import { describeRoute } from './exceptions.ts'
import { isOfAnother } from './routing-plan.ts'
import type { LocalRoute, Routing } from './tables/local-routes.ts'
import { isPartOf } from './tables/networks.ts'

/** The node's address and ranges as the control plane sent them, and what the config says about them. */
export interface PlannedPlace {
  meshIp: string
  /** All addresses of the mesh (CIDR), in the order of the control plane. */
  meshRanges: readonly string[]
  /** The only ranges that are accepted, if the config names some. */
  pinned: readonly string[] | undefined
  /** The mesh interface: routes to it are ours. */
  interfaceName: string
  /** Of the control plane. */
  controlAddresses?: readonly string[]
}

/** The machine that is to have the range. */
export interface Machine extends PlannedPlace, Routing {
  /** Its routes that are not ours. */
  others: readonly LocalRoute[]
}

/** Why the range is not acceptable beside those taken so far; the first one must be that of the own address. */
export function faultOf(
  range: Cidr,
  taken: ReadonlyMap<string, Cidr>,
  machine: Machine,
): string | undefined {
  return (
    formFault(range, machine) ??
    overlapFault(range, taken) ??
    anotherMeshFault(range, machine) ??
    (taken.size === 0 ? addressFault(range, machine) : undefined) ??
    (isInForce(range, machine) ? undefined : networkFault(range, machine))
  )
}

/** Why no machine can have the range, or none with this config. */
function formFault(range: Cidr, { pinned }: Machine): string | undefined {
  const text = formatCidr(range)
  if (pinned && !pinned.includes(text))
    return `its range is ${text}, and "mesh.range" in the config is ${pinned.join(', ')}: change that, or remove it, and restart plexd`
  const special = specialRangeIn(range)
  if (special)
    return `its range ${text} overlaps ${formatCidr(special.range)}, which is ${special.kind}`
  if (range.prefixLength < minPrefixLength)
    return `its range ${text} is larger than any mesh, a /${minPrefixLength} at most`
  return undefined
}

/** Anything larger is a default route in pieces, as some VPNs write it, rather than a network. */
const minPrefixLength = 8

/** A control plane like ours never sends ranges that overlap. */
function overlapFault(range: Cidr, taken: ReadonlyMap<string, Cidr>): string | undefined {
  const other = taken.entries().find(([, one]) => cidrsOverlap(range, one))
  return other && `its range ${formatCidr(range)} overlaps its range ${other[0]}`
}

/** All plexds in a network namespace share the routing table, so their ranges must not overlap. */
function anotherMeshFault(range: Cidr, { routes, interfaceName }: Machine): string | undefined {
  const rival = routes.find(
    (route) =>
      isOfAnother(route, interfaceName) && route.network && cidrsOverlap(route.network, range),
  )
  return (
    rival &&
    `its range ${formatCidr(range)} overlaps ${rival.dst}, in which another plexd on this machine has its mesh, by the interface "${rival.dev}": leave one of the two with "plexd deregister --purge", or run them in network namespaces of their own`
  )
}

/** Why the node's address cannot be in this range on this machine. */
function addressFault(range: Cidr, machine: Machine): string | undefined {
  const { meshIp, meshRanges, controlAddresses = [], others } = machine
  const its = `its address for this node, ${meshIp},`
  const address = parseIpv4(meshIp)
  if (!cidrContains(range, address))
    return `${its} lies outside its ${meshRanges.length > 1 ? 'ranges' : 'range'} ${meshRanges.join(', ')}`
  const own = others.find(({ type, dst }) => type === 'local' && dst === meshIp)
  if (own) return `${its} is in use here on ${own.dev ?? 'another interface'}`
  const via = others.find(({ gateways }) => gateways.includes(meshIp))
  if (via) return `${its} is the gateway of the route ${describeRoute(via)}`
  if (controlAddresses.includes(meshIp)) return `${its} is that of the control plane`
  const around = others.find(
    ({ type, network }) =>
      type !== 'local' && isPartOf(network, range) && cidrContains(network, address),
  )
  return (
    around && `${its} lies in the network of the route ${describeRoute(around)} of this machine`
  )
}

/** A range in force has the packets already, whatever route came later. */
function isInForce(range: Cidr, { routes, interfaceName }: Machine): boolean {
  return routes.some(({ dst, dev }) => dev === interfaceName && dst === formatCidr(range))
}

/** A network at least as large as the range: packets for either could not be told apart. The config may accept it. */
export function networkFault(
  range: Cidr,
  { pinned, meshRanges, others }: Machine,
): string | undefined {
  if (pinned) return undefined
  const rival = others.find(
    ({ network }) =>
      network &&
      network.prefixLength >= minPrefixLength &&
      network.prefixLength <= range.prefixLength &&
      cidrsOverlap(network, range),
  )
  const name = meshRanges.length > 1 ? `name all of ${meshRanges.join(', ')}` : 'name the range'
  return (
    rival &&
    `its range ${formatCidr(range)} overlaps the route ${describeRoute(rival)} of this machine: remove that, or ${name} as "mesh.range" in the config to take it nevertheless`
  )
}
