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
  /** All addresses of the mesh (CIDR), as the control plane orders them. */
  meshRanges: readonly string[]
  /** The only ranges that are taken, when the config names some. */
  pinned: readonly string[] | undefined
  /** The mesh interface: what leads there is ours. */
  interfaceName: string
  /** Where the control plane is. */
  controlAddresses?: readonly string[]
}

/** What of the mesh may be on this machine. Sentences say what is wrong, and what to do. */
export interface PlaceVerdict {
  /** Those that may; none where nothing may be applied. */
  ranges: readonly string[]
  /** Why nothing may be applied: it is about the range of this node's own address. */
  refusal?: string
  /** Why another range is left out, or what of those in force is not as it should be. */
  warnings: readonly string[]
}

/**
 * Whether the mesh may be where the control plane wants it, on a machine with these routes: a range that takes the place
 * of a network in use here cuts the machine off from it. That of this node's own address decides about all; without
 * another one those who are in it are not reached. A smaller network inside a range stays with the machine, and is told
 * of. Pure.
 */
export function judgePlace(place: PlannedPlace, routing: Routing): PlaceVerdict {
  const { meshIp, meshRanges, interfaceName } = place
  const machine = {
    ...routing,
    others: routing.routes.filter(({ dev, table }) => dev !== interfaceName && table !== meshTable),
  }
  const own = meshRanges.find((text) => hasAddress(text, meshIp)) ?? meshRanges[0] ?? ''
  const fault =
    formFault(own, place) ??
    rivalMeshFault(own, place, machine) ??
    takenAddress(own, place, machine.others) ??
    newRival(own, place, machine)
  if (fault !== undefined)
    return {
      ranges: [],
      refusal: `the mesh of the control plane is refused, and what was in force stays: ${fault}`,
      warnings: [],
    }
  const { taken, leftOut } = takeOthers(own, place, machine)
  const ranges = [...new Set(meshRanges)].filter((text) => taken.includes(text))
  return {
    ranges,
    warnings: [...leftOut, ...ranges.flatMap((text) => warningsOf(text, place, machine))],
  }
}

/** Which ranges the mesh may have beside the first one, and a sentence for each that it may not. */
function takeOthers(
  own: string,
  place: PlannedPlace,
  machine: Machine,
): { taken: string[]; leftOut: string[] } {
  const taken = [own]
  const leftOut: string[] = []
  for (const text of place.meshRanges) {
    if (text === own) continue
    const why =
      formFault(text, place) ??
      overlapAmong(text, taken) ??
      rivalMeshFault(text, place, machine) ??
      newRival(text, place, machine)
    if (why === undefined) taken.push(text)
    else
      leftOut.push(
        `a part of the mesh is refused, and no peer with an address in it is reached: ${why}`,
      )
  }
  return { taken, leftOut }
}

interface Machine extends Routing {
  /** Those of its routes that are not ours. */
  others: readonly LocalRoute[]
}

/** Why a range can be on no machine, or not on one with this config. */
function formFault(text: string, { pinned }: PlannedPlace): string | undefined {
  const range = readRange(text)
  if (!range) return `its range "${text}" is none`
  if (pinned && !pinned.includes(text))
    return `its range is ${text}, and "mesh.range" in the config is ${pinned.join(', ')}: change that, or remove it, and restart plexd`
  const special = specialRangeIn(range)
  if (special)
    return `its range ${text} overlaps ${formatCidr(special.range)}, which is ${special.kind}`
  if (range.prefixLength < minPrefixLength)
    return `its range ${text} is larger than any mesh, a /${minPrefixLength} at most`
  return undefined
}

/** All of this network namespace share the table: which of two ranges a packet is for could not be told. */
function rivalMeshFault(
  text: string,
  { interfaceName }: PlannedPlace,
  { routes }: Machine,
): string | undefined {
  const range = readRange(text)
  const rival = routes.find(({ table, dev, dst }) => {
    const theirs = readRange(dst)
    const isAnothers = table === meshTable && dev !== undefined && dev !== interfaceName
    return isAnothers && theirs !== undefined && range !== undefined && cidrsOverlap(theirs, range)
  })
  return (
    rival &&
    `its range ${text} overlaps ${rival.dst}, in which another plexd on this machine has its mesh, by the interface "${rival.dev}": leave one of the two with "plexd deregister --purge", or run them in network namespaces of their own`
  )
}

/** A rival of a range that is not in force yet: through what is, packets go, whatever came later. */
function newRival(text: string, place: PlannedPlace, machine: Machine): string | undefined {
  const { interfaceName } = place
  const isInForce = machine.routes.some(({ dst, dev }) => dev === interfaceName && dst === text)
  return isInForce ? undefined : rivalFault(text, place, machine)
}

/** Another network that is as large as the range; what the config names may have one. */
function rivalFault(
  text: string,
  { pinned, meshRanges }: PlannedPlace,
  { others }: Machine,
): string | undefined {
  const range = pinned ? undefined : readRange(text)
  const rival = range && others.find((route) => isRival(route, range))
  const name = meshRanges.length > 1 ? `name all of ${meshRanges.join(', ')}` : 'name the range'
  return (
    rival &&
    `its range ${text} overlaps the route ${describeRoute(rival)} of this machine: remove that, or ${name} as "mesh.range" in the config to take it nevertheless`
  )
}

/** Two ranges that have an address in common are none that a control plane like ours gives. */
function overlapAmong(text: string, ranges: readonly string[]): string | undefined {
  const range = readRange(text)
  const other = ranges.find((one) => {
    const taken = readRange(one)
    return range && taken && cidrsOverlap(range, taken)
  })
  return other === undefined ? undefined : `its range ${text} overlaps its range ${other}`
}

/** What is in force all the same. */
function warningsOf(text: string, place: PlannedPlace, machine: Machine): string[] {
  const range = readRange(text)
  if (!range) return []
  const { pinned, interfaceName, controlAddresses = [] } = place
  const rival = rivalFault(text, place, machine)
  if (rival !== undefined) return [`the mesh may lose packets: ${rival}`]
  const [inner, ...more] = exceptionsIn(range, interfaceName, { ...machine, controlAddresses })
  if (!inner || (pinned && inner.what !== controlPlaneAddress))
    return pinned ? [] : hiddenWarnings(range, interfaceName, machine)
  return [
    `the mesh range ${text} overlaps a network of this machine: ${inner.dst}, ${inner.what}${andMore(more.length)}, stays with the machine, but for the addresses of peers: give one of the two another range`,
  ]
}

/** A network that only some packets are led to, as one of a VRF: by our rule, which comes first, they go into the mesh. */
function hiddenWarnings(range: Cidr, interfaceName: string, routing: Routing): string[] {
  const hidden = networksIn(range, interfaceName, routing).filter(({ isTaken }) => !isTaken)
  const [first, ...more] = hidden
  if (!first) return []
  return [
    `the mesh range ${formatCidr(range)} overlaps a network of this machine: packets for the route ${describeRoute(first.route)} of table ${first.route.table}${andMore(more.length)} go into the mesh, for not all packets are led to that table: give one of the two another range`,
  ]
}

function hasAddress(text: string, address: string): boolean {
  const range = readRange(text)
  return range !== undefined && cidrContains(range, parseIpv4(address))
}

function andMore(count: number): string {
  return count === 0 ? '' : `, and ${count} more`
}

/** What is larger than this is a default route in pieces, as some VPNs have it, and no network. */
const minPrefixLength = 8

/** Why the address cannot be this node's own. */
function takenAddress(
  text: string,
  { meshIp, meshRanges, controlAddresses = [] }: PlannedPlace,
  routes: readonly LocalRoute[],
): string | undefined {
  const range = readRange(text)
  if (!range || !hasAddress(text, meshIp))
    return `its address for this node, ${meshIp}, lies outside its ${meshRanges.length > 1 ? 'ranges' : 'range'} ${meshRanges.join(', ')}`
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
