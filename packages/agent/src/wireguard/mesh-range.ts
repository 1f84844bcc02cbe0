import {
  type Cidr,
  cidrContains,
  cidrSize,
  cidrsOverlap,
  formatCidr,
  parseCidr,
  parseIpv4,
  specialRangeIn,
} from '@plexd/protocol'
import { type LocalRoute, type Routing, readRange } from './local-routes.ts'
import {
  controlPlaneAddress,
  describeRoute,
  exceptionsIn,
  meshTable,
  networksIn,
} from './routing-plan.ts'

/** What the API's documents name. */
const usualRange = parseCidr('10.100.0.0/16')

/** The range of the mesh where the control plane does not say: the usual one, or as large a one around the address. */
export function guessMeshRange(meshIp: string): string {
  const address = parseIpv4(meshIp)
  if (cidrContains(usualRange, address)) return formatCidr(usualRange)
  return formatCidr({ ...usualRange, first: address - (address % cidrSize(usualRange)) })
}

/** What the control plane gave this node to be, and what the config says to that. */
export interface PlannedPlace {
  meshIp: string
  meshRange: string
  /** The only range that is taken, when the config names one. */
  pinned: string | undefined
  /** The mesh interface: what leads there is ours. */
  interfaceName: string
  /** Where the control plane is. */
  controlAddresses?: readonly string[]
}

/** `refusal`: nothing may be applied. `warning`: it is in force already, and stays so. Both say what to do. */
export type PlaceVerdict = { refusal: string } | { warning: string } | undefined

/**
 * Whether the mesh may be where the control plane wants it, on a machine with these routes: one that takes the place of
 * a network in use here cuts the machine off from it. A smaller network inside the range stays with the machine, and is
 * told of. Undefined when nothing is wrong. Pure.
 */
export function judgePlace(place: PlannedPlace, routing: Routing): PlaceVerdict {
  const { routes } = routing
  const { meshIp, meshRange, pinned, interfaceName, controlAddresses = [] } = place
  const refuse = (why: string): { refusal: string } => ({
    refusal: `the mesh of the control plane is refused, and what was in force stays: ${why}`,
  })
  const range = readRange(meshRange)
  if (!range) return refuse(`its range "${meshRange}" is none`)
  if (pinned !== undefined && pinned !== meshRange)
    return refuse(`its range is ${meshRange}, and "mesh.range" in the config is ${pinned}`)
  const special = specialRangeIn(range)
  if (special)
    return refuse(
      `its range ${meshRange} overlaps ${formatCidr(special.range)}, which is ${special.kind}`,
    )
  if (range.prefixLength < minPrefixLength)
    return refuse(`its range ${meshRange} is larger than any mesh, a /${minPrefixLength} at most`)
  const rivalMesh = findRivalMesh(range, interfaceName, routes)
  if (rivalMesh)
    return refuse(
      `its range ${meshRange} overlaps ${rivalMesh.dst}, in which another plexd on this machine has its mesh, by the interface "${rivalMesh.dev}": leave one of the two with "plexd deregister --purge", or run them in network namespaces of their own`,
    )
  const others = routes.filter(({ dev, table }) => dev !== interfaceName && table !== meshTable)
  const taken = takenAddress(meshIp, range, others, controlAddresses)
  if (taken !== undefined) return refuse(taken)
  const rival = pinned === undefined && others.find((route) => isRival(route, range))
  if (rival) {
    const overlap = `its range ${meshRange} overlaps the route ${describeRoute(rival)} of this machine: remove that, or name the range as "mesh.range" in the config to take it nevertheless`
    const inForce = routes.some(({ dst, dev }) => dev === interfaceName && dst === meshRange)
    return inForce ? { warning: `the mesh may lose packets: ${overlap}` } : refuse(overlap)
  }
  const [inner, ...more] = exceptionsIn(range, interfaceName, { ...routing, controlAddresses })
  if (inner && (pinned === undefined || inner.what === controlPlaneAddress))
    return {
      warning: `the mesh range ${meshRange} overlaps a network of this machine: ${inner.dst}, ${inner.what}${andMore(more.length)}, stays with the machine, and no peer with such an address is reached: give one of the two another range`,
    }
  return pinned === undefined ? judgeHidden(range, interfaceName, routing) : undefined
}

/** A network that only some packets are led to, as one of a VRF: by our rule, which comes first, they go into the mesh. */
function judgeHidden(range: Cidr, interfaceName: string, routing: Routing): PlaceVerdict {
  const hidden = networksIn(range, interfaceName, routing).filter(({ isTaken }) => !isTaken)
  const [first, ...more] = hidden
  return (
    first && {
      warning: `the mesh range ${formatCidr(range)} overlaps a network of this machine: packets for the route ${describeRoute(first.route)} of table ${first.route.table}${andMore(more.length)} go into the mesh, for not all packets are led to that table: give one of the two another range`,
    }
  )
}

/** All of this network namespace share the table: which of two ranges a packet is for could not be told. */
function findRivalMesh(
  range: Cidr,
  interfaceName: string,
  routes: readonly LocalRoute[],
): LocalRoute | undefined {
  return routes.find(({ table, dev, dst }) => {
    const theirs = readRange(dst)
    const isAnothers = table === meshTable && dev !== undefined && dev !== interfaceName
    return isAnothers && theirs !== undefined && cidrsOverlap(theirs, range)
  })
}

function andMore(count: number): string {
  return count === 0 ? '' : `, and ${count} more`
}

/** What is larger than this is a default route in pieces, as some VPNs have it, and no network. */
const minPrefixLength = 8

/** Why the address cannot be this node's own. */
function takenAddress(
  meshIp: string,
  range: Cidr,
  routes: readonly LocalRoute[],
  controlAddresses: readonly string[],
): string | undefined {
  if (!cidrContains(range, parseIpv4(meshIp)))
    return `its address for this node, ${meshIp}, lies outside its range ${formatCidr(range)}`
  const own = routes.find(({ type, dst }) => type === 'local' && dst === meshIp)
  if (own)
    return `its address for this node, ${meshIp}, is in use here on ${own.dev ?? 'another interface'}`
  const via = routes.find(({ gateways }) => gateways.includes(meshIp))
  if (via)
    return `its address for this node, ${meshIp}, is the gateway of the route ${describeRoute(via)}`
  if (controlAddresses.includes(meshIp))
    return `its address for this node, ${meshIp}, is that of the control plane`
  const network = routes.find((route) => isAround(route, parseIpv4(meshIp), range))
  return network
    ? `its address for this node, ${meshIp}, lies in the network of the route ${describeRoute(network)} of this machine`
    : undefined
}

/** A network inside the range. */
function isAround({ dst, type }: LocalRoute, address: number, range: Cidr): boolean {
  const network = readRange(dst)
  return (
    type !== 'local' &&
    network !== undefined &&
    network.prefixLength > range.prefixLength &&
    cidrContains(network, address)
  )
}

/** What is as large as the range, or larger: which of the two a packet is for cannot be told. */
function isRival({ dst }: LocalRoute, range: Cidr): boolean {
  const network = readRange(dst)
  return (
    network !== undefined &&
    network.prefixLength >= minPrefixLength &&
    network.prefixLength <= range.prefixLength &&
    cidrsOverlap(network, range)
  )
}
