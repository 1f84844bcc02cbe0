/** Which addresses within the range of the mesh stay outside it, because the machine needs them. */
import { type Cidr, cidrContains, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import type { LocalRoute, Routing } from './tables/local-routes.ts'
import { meshTable } from './tables/mesh-table.ts'
import { isPartOf, keyOf, networksAround, readRange } from './tables/networks.ts'
import { createWays, destinationOf } from './tables/routing-ways.ts'

/** An address or network inside the range of the mesh that stays outside the mesh. */
export interface Exception {
  dst: string
  /** Whose it is, in words. */
  what: string
}

/**
 * Which networks inside the range stay with the machine: what it has more specific routes for, its gateways, and the
 * control plane, without which nothing could be repaired. Only routes that every packet finds: one in a table for some
 * packets only, such as that of a VRF, would let the others leave by the default route, in clear. Pure.
 */
export function exceptionsIn(
  range: Cidr,
  interfaceName: string,
  { controlAddresses, ...routing }: Routing & { controlAddresses: readonly string[] },
): Exception[] {
  return outermost([
    ...networksIn(range, interfaceName, routing).flatMap(({ route, isTaken }) =>
      isTaken ? [{ dst: route.dst, what: `the route ${describeRoute(route)}` }] : [],
    ),
    ...gatewaysIn(range, interfaceName, routing),
    ...controlAddresses
      .filter((dst) => isPartOf(readRange(dst), range))
      .map((dst) => ({ dst, what: controlPlaneAddress })),
  ])
}

/**
 * The exceptions without the addresses of peers, which belong to the mesh whatever route somebody has for them, as a
 * neighbour may give out by DHCP. The control plane and the default gateways stay excepted: the machine needs them. Pure.
 */
export function withoutPeers(
  exceptions: readonly Exception[],
  peers: readonly string[],
  { controlAddresses, routes }: Routing & { controlAddresses: readonly string[] },
): Exception[] {
  const gateways = routes.flatMap(({ dst, gateways }) => (dst === 'default' ? gateways : []))
  const needed = new Set([...controlAddresses, ...gateways])
  const taken = peers.filter((address) => !needed.has(address)).map(parseIpv4)
  return exceptions.flatMap(({ dst, what }) =>
    withoutAddresses(parseCidr(dst), taken).map((rest) => ({ dst: nameOf(rest), what })),
  )
}

/** The rest of the network, in as few networks as possible. */
function withoutAddresses(network: Cidr, addresses: readonly number[]): Cidr[] {
  const inside = addresses.filter((address) => cidrContains(network, address))
  if (inside.length === 0) return [network]
  const prefixLength = network.prefixLength + 1
  if (prefixLength > 32) return []
  const second = network.first + 2 ** (32 - prefixLength)
  return [network.first, second].flatMap((first) =>
    withoutAddresses({ ...network, first, prefixLength }, inside),
  )
}

/** As the kernel lists it. */
function nameOf(network: Cidr): string {
  return formatCidr(network).replace(/\/32$/, '')
}

/** Networks of the machine inside the range; `isTaken`: all packets for it are routed there. Pure. */
export function networksIn(
  range: Cidr,
  interfaceName: string,
  routing: Routing,
): { route: LocalRoute; isTaken: boolean }[] {
  const { others, wayTo } = besidesMesh(routing, interfaceName)
  return others.flatMap((route) =>
    isPartOf(route.network, range)
      ? [{ route, isTaken: isPartOf(wayTo(route.network)?.network, range) }]
      : [],
  )
}

/** Gateways inside the range that are in use for all packets of their route. */
function gatewaysIn(range: Cidr, interfaceName: string, routing: Routing): Exception[] {
  const { others, wayTo } = besidesMesh(routing, interfaceName)
  return others.flatMap((route) => {
    const gateways = route.gateways.filter((dst) => isPartOf(readRange(dst), range))
    const network = gateways.length > 0 ? destinationOf(route) : undefined
    const inUse = (network && wayTo(network)?.gateways) ?? []
    return gateways
      .filter((dst) => inUse.includes(dst))
      .map((dst) => ({ dst, what: `the gateway of ${describeRoute(route)}` }))
  })
}

/** Routes of other programs, without those to the machine's own addresses; and the way of a packet if there were no mesh. */
function besidesMesh({ rules, routes }: Routing, interfaceName: string) {
  return {
    others: routes.filter(
      ({ table, dev, type }) => table !== meshTable && type !== 'local' && dev !== interfaceName,
    ),
    wayTo: createWays({ rules: rules.filter(({ table }) => table !== meshTable), routes }),
  }
}

/** Without those inside another one; of equal ones the first stays. */
function outermost(found: readonly Exception[]): Exception[] {
  const kept = new Map<number, Exception>()
  const bySize = found
    .map((exception) => ({ exception, network: parseCidr(exception.dst) }))
    .toSorted((one, other) => one.network.prefixLength - other.network.prefixLength)
  for (const { exception, network } of bySize)
    if (!networksAround(network).some((outer) => kept.has(keyOf(outer))))
      kept.set(keyOf(network), exception)
  return [...kept.values()]
}

export const controlPlaneAddress = 'the address of the control plane'

export function describeRoute({
  dst,
  dev,
  type,
}: Pick<LocalRoute, 'dst' | 'dev' | 'type'>): string {
  const where = dev === undefined ? '' : ` dev ${dev}`
  return type === 'unicast' ? `${dst}${where}` : `${type} ${dst}${where}`
}
