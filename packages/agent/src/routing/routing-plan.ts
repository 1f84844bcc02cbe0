/**
 * What the routing of this machine must have for the mesh: a table of its own, and one rule that leads to it. Whatever
 * the machine sends to anybody outside the mesh is routed as before.
 */
import { type Cidr, cidrContains, formatCidr } from '@plexd/protocol'
import type { Exception } from './exceptions.ts'
import type { LinkRepair } from './link-repair.ts'
import type { LocalRoute, Routing, RoutingRule } from './tables/local-routes.ts'
import { markMask, meshMark, meshTable } from './tables/mesh-table.ts'

/** Before the rules of other programs, which start at about 100; at 0 the kernel has the addresses of the machine itself. */
const rulePriority = 40
/** Behind the route through the interface, which has 0. */
const unreachableMetric = 1_000

const ruleSelector = `not fwmark 0x${meshMark.toString(16)}/0x${markMask.toString(16)}`

export interface WantedRouting {
  /** All addresses of the mesh. */
  ranges: readonly Cidr[]
  interfaceName: string
  exceptions: readonly Exception[]
  /** Whether all exceptions are known; until then none is removed. */
  isComplete: boolean
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
