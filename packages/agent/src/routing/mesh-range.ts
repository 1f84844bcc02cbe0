import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  parseCidr,
  parseIpv4,
  specialRangeIn,
} from '@plexd/protocol'
import { controlPlaneAddress, describeRoute, exceptionsIn, networksIn } from './exceptions.ts'
import { isOfAnother } from './routing-plan.ts'
import type { LocalRoute, Routing } from './tables/local-routes.ts'
import { meshTable } from './tables/mesh-table.ts'
import { isPartOf, networkAround, readRange } from './tables/networks.ts'

/** The range in the API's documents. */
const usualRange = parseCidr('10.100.0.0/16')

/** The range of the mesh if the control plane does not send it: the usual one, or one of that size around the address. */
export function guessMeshRange(meshIp: string): string {
  return formatCidr(networkAround(parseIpv4(meshIp), usualRange.prefixLength))
}

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

/** Which part of the mesh this machine accepts. Each message says what is wrong, and what to do. */
export interface PlaceVerdict {
  /** The accepted ranges; none if refused. */
  ranges: readonly string[]
  /** Why nothing may be applied: the range of this node's own address is not acceptable. */
  refusal?: string
  /** Why another range is left out, or what is wrong with an accepted one. */
  warnings: readonly string[]
}

/**
 * Whether the ranges of the mesh are acceptable on a machine with these routes: a range that takes the place of a network
 * in use would cut the machine off from it. The range of this node's own address is essential; without another one only
 * its nodes are unreachable. A smaller network inside a range stays with the machine, with a warning. Pure.
 */
export function judgePlace(place: PlannedPlace, routing: Routing): PlaceVerdict {
  const { meshIp, meshRanges, interfaceName } = place
  const others = routing.routes.filter(
    ({ dev, table }) => dev !== interfaceName && table !== meshTable,
  )
  const machine = { ...place, ...routing, others }
  const own = meshRanges.find((text) => hasAddress(text, meshIp)) ?? meshRanges[0] ?? ''
  const taken = new Map<string, Cidr>()
  const leftOut: string[] = []
  for (const text of [own, ...meshRanges.filter((other) => other !== own)]) {
    const range = readRange(text)
    const fault = range ? faultOf(range, taken, machine) : `its range "${text}" is none`
    if (range && fault === undefined) taken.set(text, range)
    else if (text === own)
      return {
        ranges: [],
        refusal: `the mesh of the control plane is refused, and what was in force stays: ${fault}`,
        warnings: [],
      }
    else
      leftOut.push(
        `a part of the mesh is refused, and no peer with an address in it is reached: ${fault}`,
      )
  }
  const accepted = [...taken].toSorted(
    ([one], [other]) => meshRanges.indexOf(one) - meshRanges.indexOf(other),
  )
  return {
    ranges: accepted.map(([text]) => text),
    warnings: [...leftOut, ...accepted.flatMap(([, range]) => warningsOf(range, machine))],
  }
}

interface Machine extends PlannedPlace, Routing {
  /** Its routes that are not ours. */
  others: readonly LocalRoute[]
}

/** Why the range is not acceptable beside those taken so far; the first one must be that of the own address. */
function faultOf(
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
function networkFault(range: Cidr, { pinned, meshRanges, others }: Machine): string | undefined {
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

/** What is wrong with a range that is accepted. */
function warningsOf(range: Cidr, machine: Machine): string[] {
  const { pinned, interfaceName, controlAddresses = [] } = machine
  const fault = networkFault(range, machine)
  if (fault !== undefined) return [`the mesh may lose packets: ${fault}`]
  const [inner, ...more] = exceptionsIn(range, interfaceName, { ...machine, controlAddresses })
  if (!inner || (pinned && inner.what !== controlPlaneAddress))
    return pinned ? [] : hiddenWarnings(range, machine)
  return [
    `the mesh range ${formatCidr(range)} overlaps a network of this machine: ${inner.dst}, ${inner.what}${andMore(more)}, stays with the machine, but for the addresses of peers: give one of the two another range`,
  ]
}

/** A network in a table for some packets only, such as that of a VRF: our rule comes first, so they go into the mesh. */
function hiddenWarnings(range: Cidr, machine: Machine): string[] {
  const hidden = networksIn(range, machine.interfaceName, machine)
  const [first, ...more] = hidden.filter(({ isTaken }) => !isTaken)
  if (!first) return []
  return [
    `the mesh range ${formatCidr(range)} overlaps a network of this machine: packets for the route ${describeRoute(first.route)} of table ${first.route.table}${andMore(more)} go into the mesh, for not all packets are led to that table: give one of the two another range`,
  ]
}

function hasAddress(text: string, address: string): boolean {
  const range = readRange(text)
  return range !== undefined && cidrContains(range, parseIpv4(address))
}

function andMore({ length }: readonly unknown[]): string {
  return length === 0 ? '' : `, and ${length} more`
}
