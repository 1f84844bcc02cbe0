/**
 * What the routing of this machine must have for the mesh: a table of its own, and one rule that leads to it. Whatever
 * the machine sends to anybody outside the mesh is routed as before.
 */
import { type Cidr, cidrContains, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import type { LinkRepair } from './link-repair.ts'
import type { LocalRoute, Routing, RoutingRule } from './local-routes.ts'
import { isPartOf, keyOf, networksAround, readRange } from './networks.ts'
import { createWays, destinationOf } from './routing-ways.ts'

/** The number of the table; no known program uses it. */
export const meshTable = '8293'
/**
 * The mark of each packet that WireGuard sends: it never goes into the mesh. Only the lower half is compared, because
 * other programs keep theirs in the upper one. In the lower, Kubernetes has 0x4000 and 0x8000, its portmap 0x2000,
 * Cilium 0x0f00, and people use 1 and 2.
 */
export const meshMark = 0xe4
const markMask = 0xffff
/** Before the rules of other programs, which start at about 100; at 0 the kernel has the addresses of the machine itself. */
const rulePriority = 40
/** Behind the route through the interface, which has 0. */
const unreachableMetric = 1_000

const ruleSelector = `not fwmark 0x${meshMark.toString(16)}/0x${markMask.toString(16)}`

/** An address or network inside the range of the mesh that stays outside the mesh. */
export interface Exception {
  dst: string
  /** Whose it is, in words. */
  what: string
}

export interface WantedRouting {
  /** All addresses of the mesh. */
  ranges: readonly Cidr[]
  interfaceName: string
  exceptions: readonly Exception[]
  /** Whether all exceptions are known; until then none is removed. */
  isComplete: boolean
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

/**
 * The commands for `ip` that bring rule and table to what is wanted. In the table are the exceptions, and the ranges as
 * unreachable, because without an interface packets for the mesh would leave by the default route in clear. The rule
 * comes last, so that no packet meets a half-filled table. Pure.
 */
export function planRouting(wanted: WantedRouting, { rules, routes }: Routing): LinkRepair[] {
  const { ranges, interfaceName, exceptions, isComplete } = wanted
  const present = routes.filter(({ table }) => table === meshTable)
  const removable = ownRoutes(present, interfaceName)
  const throws = exceptions.map(({ dst }) => dst)
  return [
    ...planTakeover(wanted, routes),
    ...planRoutes('unreachable', ranges.map(formatCidr), { present, removable }),
    ...planRoutes('throw', throws, { present, removable: isComplete ? removable : [] }),
    ...planRules(rules),
  ]
}

/** Brings the routes of one type to the wanted destinations. */
function planRoutes(
  type: keyof typeof routeTypes,
  wanted: readonly string[],
  { present, removable }: Record<'present' | 'removable', readonly LocalRoute[]>,
): LinkRepair[] {
  const { options, describeMissing } = routeTypes[type]
  const ofType = present.filter((route) => route.type === type).map(({ dst }) => dst)
  return [
    ...removable
      .filter((route) => route.type === type && !wanted.includes(route.dst))
      .map(removeRoute),
    ...wanted
      .filter((dst) => !ofType.includes(dst))
      .map((dst) => ({
        detail: describeMissing(dst),
        command: `route replace ${type} ${dst}${options} table ${meshTable}`,
      })),
  ]
}

const routeTypes = {
  unreachable: {
    options: ` metric ${unreachableMetric}`,
    describeMissing: (dst: string) => `route unreachable ${dst} was missing`,
  },
  throw: { options: '', describeMissing: (dst: string) => `${dst} was sent into the mesh` },
}

/**
 * An interface made by an earlier version has its route in the main table, and carries packets. Our rule would bypass
 * that route, and until the interface is checked they would go nowhere.
 */
function planTakeover(
  { ranges, interfaceName }: WantedRouting,
  routes: readonly LocalRoute[],
): LinkRepair[] {
  const tablesOf = (dst: string): string[] =>
    routes
      .filter((route) => route.dst === dst && route.dev === interfaceName)
      .map(({ table }) => table)
  return ranges
    .map(formatCidr)
    .filter((dst) => tablesOf(dst).includes('main') && !tablesOf(dst).includes(meshTable))
    .map((dst) => ({
      detail: `route ${dst} was missing`,
      command: `route replace ${dst} dev ${interfaceName} table ${meshTable}`,
    }))
}

function planRules(rules: readonly RoutingRule[]): LinkRepair[] {
  const leading = rules.filter(({ table }) => table === meshTable)
  const isOurs = ({ priority, selector }: RoutingRule): boolean =>
    priority === rulePriority && selector === ruleSelector
  const missing = {
    detail: `rule "${ruleSelector} lookup ${meshTable}" was missing`,
    command: `rule add ${ruleSelector} lookup ${meshTable} priority ${rulePriority}`,
  }
  return [
    ...(leading.some(isOurs) ? [] : [missing]),
    ...leading.filter((rule) => !isOurs(rule)).map(removeRule),
  ]
}

function removeRule({ priority, selector }: RoutingRule): LinkRepair {
  return {
    detail: `rule "${selector} lookup ${meshTable}" was there`,
    command: ['rule delete', selector, `lookup ${meshTable} priority ${priority}`]
      .filter(Boolean)
      .join(' '),
  }
}

/** Without what another plexd in this network namespace, with an interface of its own, has in the table. */
function ownRoutes(present: readonly LocalRoute[], interfaceName: string): LocalRoute[] {
  const theirs = present
    .filter((route) => isOfAnother(route, interfaceName))
    .flatMap(({ network }) => network ?? [])
  return present.filter(
    (route) =>
      !isOfAnother(route, interfaceName) &&
      !theirs.some((range) => route.network && cidrContains(range, route.network.first)),
  )
}

/** Whether a route of the table leads to the interface of another plexd. */
export function isOfAnother({ dev, table }: LocalRoute, interfaceName: string): boolean {
  return table === meshTable && dev !== undefined && dev !== interfaceName
}

function removeRoute({ type, dst }: LocalRoute): LinkRepair {
  return {
    detail: `route ${type} ${dst} was there`,
    command: `route delete ${type} ${dst} table ${meshTable}`,
  }
}

/** The commands that remove rule and routes. What another plexd has in the table stays, and then the rule does too. Pure. */
export function planRoutingRemoval(interfaceName: string, { rules, routes }: Routing): string[] {
  const present = routes.filter(({ table }) => table === meshTable)
  const leading = present.some((route) => isOfAnother(route, interfaceName))
    ? []
    : rules.filter(({ table }) => table === meshTable).map(removeRule)
  return [...leading, ...ownRoutes(present, interfaceName).map(removeRoute)].map(
    ({ command }) => command,
  )
}
