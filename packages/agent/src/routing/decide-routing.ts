import { cidrContains, parseCidr, parseIpv4 } from '@plexd/protocol'
import { type Exception, exceptionsIn, withoutPeers } from './exceptions.ts'
import type { LinkRepair } from './link-repair.ts'
import { judgePlace, type PlaceVerdict } from './mesh-range.ts'
import type { PlannedPlace } from './range-faults.ts'
import { planRouting } from './routing-plan.ts'
import type { Routing } from './tables/local-routes.ts'

export interface RoutingPlace {
  place(): PlannedPlace
  /** Undefined while unknown. */
  controlAddresses(): readonly string[] | undefined
  /** The nodes in the mesh; exceptions do not apply to their addresses. */
  peers(): readonly Member[]
}

type Member = { mesh_ip: string }

/** What a place is decided by, at one moment. */
export type Facts = { [Name in keyof RoutingPlace]: ReturnType<RoutingPlace[Name]> }

export function factsOf({ place, controlAddresses, peers }: RoutingPlace): Facts {
  return { place: place(), controlAddresses: controlAddresses(), peers: peers() }
}

export interface RoutingPlan {
  verdict: PlaceVerdict
  ranges?: readonly string[]
  exceptions?: readonly string[] | undefined
  /** The exceptions before the addresses of peers are taken out. */
  elsewhere: readonly Exception[]
  repairs: readonly LinkRepair[]
}

/** What to do about the routing as it was read. Pure. */
export function decideRouting(
  routing: Routing,
  { place, controlAddresses, peers }: Facts,
): RoutingPlan {
  const machine = { ...routing, controlAddresses: controlAddresses ?? [] }
  const verdict = judgePlace({ ...place, controlAddresses: machine.controlAddresses }, routing)
  if (verdict.refusal !== undefined) return { verdict, elsewhere: [], repairs: [] }
  const { interfaceName } = place
  const ranges = verdict.ranges.map(parseCidr)
  const elsewhere = ranges.flatMap((range) => exceptionsIn(range, interfaceName, machine))
  const exceptions = withoutPeers(elsewhere, addressesIn(elsewhere, peers), machine)
  // Until the address of the control plane is known, it may be anywhere.
  const isComplete = controlAddresses !== undefined
  return {
    verdict,
    ranges: verdict.ranges,
    exceptions: isComplete ? exceptions.map(({ dst }) => dst) : undefined,
    elsewhere,
    repairs: planRouting({ ranges, interfaceName, exceptions, isComplete }, routing),
  }
}

/** Equal while a plan need not be made anew. Of the peers only those matter that lie in an exception. */
export function keyOf(
  { elsewhere }: RoutingPlan,
  { place, controlAddresses, peers }: Facts,
): string {
  return JSON.stringify([place, controlAddresses, addressesIn(elsewhere, peers)])
}

/** The addresses of peers that lie in an exception. Mostly there is no exception. */
function addressesIn(exceptions: readonly Exception[], peers: readonly Member[]): string[] {
  const networks = exceptions.map(({ dst }) => parseCidr(dst))
  if (networks.length === 0) return []
  return peers
    .map(({ mesh_ip }) => mesh_ip)
    .filter((address) => networks.some((network) => cidrContains(network, parseIpv4(address))))
}
