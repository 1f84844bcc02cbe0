/**
 * What the routing of this machine must have for the mesh: a table of its own, and one rule that leads to it. Whatever
 * the machine sends that is for nobody in the mesh takes the way that it took before.
 */
import { type Cidr, cidrContains, formatCidr, parseCidr, parseIpv4 } from '@plexd/protocol'
import type { LinkRepair } from './link-repair.ts'
import {
  type LocalRoute,
  networkOf,
  type Routing,
  type RoutingRule,
  readRange,
} from './local-routes.ts'
import { createWays } from './routing-ways.ts'

/** The table, by a number that no program which is known to have one uses. */
export const meshTable = '8293'
/**
 * On each packet that WireGuard sends: it never goes into the mesh. The lower half only is looked at: other programs
 * keep theirs in the upper one. In the lower, Kubernetes has 0x4000 and 0x8000, its portmap 0x2000, Cilium 0x0f00, and
 * people have 1 and 2.
 */
export const meshMark = 0xe4
const markMask = 0xffff
/** Before the rules of other programs, which count from about 100; at 0 the kernel has the addresses of the machine itself. */
const rulePriority = 40
/** Behind the route through the interface, which has 0. */
const unreachableMetric = 1_000

const ruleSelector = `not fwmark 0x${meshMark.toString(16)}/0x${markMask.toString(16)}`

/** An address or network inside the range of the mesh that is not of the mesh. */
export interface Exception {
  dst: string
  /** Whose it is, in words. */
  what: string
}

export interface WantedRouting {
  /** All addresses of the mesh. */
  ranges: readonly Cidr[]
  interfaceName: string
  /** What leads elsewhere although it lies in a range; undefined where not all of it is known yet. */
  exceptions: readonly Exception[]
  /** Whether exceptions that nobody wants may be taken away: not before all are known. */
  isComplete: boolean
}

/**
 * Which networks inside the range stay with the machine: what it has more specific routes for, its gateways, and the
 * control plane, without which nothing could be mended. Only what every packet finds there: a route of a table to which
 * some packets are led, as that of a VRF, would let the others go by the default route, in clear. Pure.
 */
export function exceptionsIn(
  range: Cidr,
  interfaceName: string,
  { controlAddresses, ...routing }: Routing & { controlAddresses: readonly string[] },
): Exception[] {
  const inside = [
    ...networksIn(range, interfaceName, routing).flatMap(({ route, isTaken }) =>
      isTaken ? [{ dst: route.dst, what: `the route ${describeRoute(route)}` }] : [],
    ),
    ...gatewaysIn(range, interfaceName, routing),
    ...controlAddresses.map((dst) => ({ dst, what: controlPlaneAddress })),
  ].filter(({ dst }) => isWithin(dst, range))
  return outermost(inside)
}

/**
 * What is left of exceptions without the addresses of peers: those are of the mesh, whatever route somebody has for them,
 * as a neighbour may by DHCP. What the machine cannot do without keeps its way: the control plane, and the gateway of all
 * that leaves. Pure.
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

/** The largest networks that make up the rest of it. */
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

/** Networks of others inside the range; to those that are not `isTaken` only some packets are led. Pure. */
export function networksIn(
  range: Cidr,
  interfaceName: string,
  routing: Routing,
): { route: LocalRoute; isTaken: boolean }[] {
  const wayTo = createWays(withoutOurs(routing))
  return routing.routes
    .filter((route) => isOthers(route, interfaceName) && isWithin(route.dst, range))
    .map((route) => {
      const way = wayTo(parseCidr(route.dst))
      return { route, isTaken: way !== undefined && isWithin(way.dst, range) }
    })
}

function withoutOurs({ rules, routes }: Routing): Routing {
  return { rules: rules.filter(({ table }) => table !== meshTable), routes }
}

/** Of routes by which all packets for where they lead to go. */
function gatewaysIn(range: Cidr, interfaceName: string, routing: Routing): Exception[] {
  const wayTo = createWays(withoutOurs(routing))
  const others = routing.routes.filter((route) => isOthers(route, interfaceName))
  return others.flatMap((route) => {
    const gateways = route.gateways.filter((dst) => isWithin(dst, range))
    const network = gateways.length > 0 ? networkOf(route.dst) : undefined
    const inForce = (network && wayTo(network)?.gateways) ?? []
    return gateways
      .filter((dst) => inForce.includes(dst))
      .map((dst) => ({ dst, what: `the gateway of ${describeRoute(route)}` }))
  })
}

/** Without what lies in another one; of two that are the same the first says what it is. */
function outermost(found: readonly Exception[]): Exception[] {
  const kept = new Map<string, Exception>()
  const bySize = found
    .map((exception) => ({ exception, network: parseCidr(exception.dst) }))
    .toSorted((one, other) => one.network.prefixLength - other.network.prefixLength)
  for (const { exception, network } of bySize) {
    const isInside = Array.from({ length: network.prefixLength + 1 }, (_, prefixLength) =>
      formatCidr(around(network.first, prefixLength)),
    ).some((outer) => kept.has(outer))
    if (!isInside) kept.set(formatCidr(network), exception)
  }
  return [...kept.values()]
}

function around(address: number, prefixLength: number): Cidr {
  const size = 2 ** (32 - prefixLength)
  return { family: 4, first: address - (address % size), prefixLength }
}

export const controlPlaneAddress = 'the address of the control plane'

/** A route in a table where others write: not ours, nor that of the machine's own addresses, which comes before all. */
function isOthers({ table, dev, type }: LocalRoute, interfaceName: string): boolean {
  return table !== meshTable && type !== 'local' && dev !== interfaceName
}

/** Whether it is a part of the range, and not all of it. */
function isWithin(dst: string, range: Cidr): boolean {
  const network = readRange(dst)
  return (
    network !== undefined &&
    network.prefixLength > range.prefixLength &&
    cidrContains(range, network.first)
  )
}

export function describeRoute({
  dst,
  dev,
  type,
}: Pick<LocalRoute, 'dst' | 'dev' | 'type'>): string {
  const where = dev === undefined ? '' : ` dev ${dev}`
  return type === 'unicast' ? `${dst}${where}` : `${type} ${dst}${where}`
}

/**
 * What `ip` must be told so that the rule is there, what is not of the mesh is left to other tables, and what is of the
 * mesh goes nowhere else, also while there is no interface: by the default route it would leave in clear. The rule comes
 * last: no packet meets a table that is half filled. Pure.
 */
export function planRouting(wanted: WantedRouting, { rules, routes }: Routing): LinkRepair[] {
  const present = routes.filter(({ table }) => table === meshTable)
  return [
    ...planTakeover(wanted, routes),
    ...planUnreachable(wanted, present),
    ...planExceptions(wanted, present),
    ...planRules(rules),
  ]
}

/**
 * An interface that an earlier version made is led to by the table of all programs, and carries packets: the rule would
 * lead them past that route, and nowhere, until the interface is looked at.
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
  return [
    ...(leading.some(isOurs)
      ? []
      : [
          {
            detail: `rule "${ruleSelector} lookup ${meshTable}" was missing`,
            command: `rule add ${ruleSelector} lookup ${meshTable} priority ${rulePriority}`,
          },
        ]),
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

function planUnreachable(wanted: WantedRouting, present: readonly LocalRoute[]): LinkRepair[] {
  const ranges = wanted.ranges.map(formatCidr)
  const guards = present.filter(({ type }) => type === 'unreachable')
  return [
    ...guards
      .filter(
        ({ dst }) => !ranges.includes(dst) && !isOfAnother(dst, wanted.interfaceName, present),
      )
      .map((route) => removeRoute(route)),
    ...ranges
      .filter((range) => !guards.some(({ dst }) => dst === range))
      .map((range) => ({
        detail: `route unreachable ${range} was missing`,
        command: `route replace unreachable ${range} metric ${unreachableMetric} table ${meshTable}`,
      })),
  ]
}

function planExceptions(wanted: WantedRouting, present: readonly LocalRoute[]): LinkRepair[] {
  const { exceptions, isComplete } = wanted
  const there = present.filter(({ type }) => type === 'throw')
  const isWanted = (dst: string): boolean => exceptions.some((exception) => exception.dst === dst)
  return [
    ...there
      .filter(
        ({ dst }) =>
          isComplete && !isWanted(dst) && !isOfAnother(dst, wanted.interfaceName, present),
      )
      .map((route) => removeRoute(route)),
    ...exceptions
      .filter(({ dst }) => !there.some((route) => route.dst === dst))
      .map(({ dst }) => ({
        detail: `${dst} was sent into the mesh`,
        command: `route replace throw ${dst} table ${meshTable}`,
      })),
  ]
}

/** Another plexd in this network namespace, with an interface of its own, has its range in the same table. */
function isOfAnother(dst: string, interfaceName: string, present: readonly LocalRoute[]): boolean {
  const network = readRange(dst)
  return present.some(({ dev, dst: theirs }) => {
    const range = dev === undefined || dev === interfaceName ? undefined : readRange(theirs)
    return range !== undefined && network !== undefined && cidrContains(range, network.first)
  })
}

function removeRoute({ type, dst }: LocalRoute): LinkRepair {
  return {
    detail: `route ${type} ${dst} was there`,
    command: `route delete ${type} ${dst} table ${meshTable}`,
  }
}

/** What takes all of it away again; what another plexd has in the table stays, and the rule for it. Pure. */
export function planRoutingRemoval(interfaceName: string, { rules, routes }: Routing): string[] {
  const present = routes.filter(({ table }) => table === meshTable)
  const isOthersRoute = ({ dev }: LocalRoute): boolean => dev !== undefined && dev !== interfaceName
  const own = present.filter(
    (route) => !isOthersRoute(route) && !isOfAnother(route.dst, interfaceName, present),
  )
  const leading = present.some(isOthersRoute)
    ? []
    : rules.filter(({ table }) => table === meshTable).map(removeRule)
  return [...leading, ...own.map(removeRoute)].map(({ command }) => command)
}
