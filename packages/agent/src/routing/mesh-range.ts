import { type Cidr, cidrContains, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import { controlPlaneAddress, describeRoute, exceptionsIn, networksIn } from './exceptions.ts'
import { faultOf, type Machine, networkFault, type PlannedPlace } from './range-faults.ts'
import type { Routing } from './tables/local-routes.ts'
import { meshTable } from './tables/mesh-table.ts'
import { networkAround, readRange } from './tables/networks.ts'

/** The range in the API's documents. */
const usualRange = parseCidr('10.100.0.0/16')

/** The range of the mesh if the control plane does not send it: the usual one, or one of that size around the address. */
export function guessMeshRange(meshIp: string): string {
  return formatCidr(networkAround(parseIpv4(meshIp), usualRange.prefixLength))
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
