import { type Cidr, parseCidr } from '@plexd/protocol'
import type { LocalRoute, Routing, RoutingRule } from './local-routes.ts'
import { covers, keyOf, networksAround } from './networks.ts'

/**
 * The route that all packets for a network take: the longest match in the first table that has one, among the tables to
 * which a rule leads all packets for it. Pure.
 */
export function createWays({ rules, routes }: Routing): (network: Cidr) => LocalRoute | undefined {
  const tables = indexRoutes(routes)
  const inOrder = rules.toSorted((one, other) => one.priority - other.priority)
  return (network) =>
    inOrder
      .values()
      .filter(({ takes }) => takes !== undefined && covers(takes, network))
      .map((rule) => longestMatch(tables.get(rule.table), network, rule))
      .find((way) => way !== undefined && way.type !== 'throw')
}

type Index = Map<number, LocalRoute>

/** Routes by table and destination, because there may be many thousands. Routes to one destination share their gateways. */
function indexRoutes(routes: readonly LocalRoute[]): Map<string, Index> {
  const tables = new Map<string, Index>()
  for (const route of routes) {
    const network = destinationOf(route)
    if (!network) continue
    const index = tables.getOrInsertComputed(route.table, () => new Map())
    const before = index.get(keyOf(network)) ?? { ...route, gateways: [] }
    const gateways = [...before.gateways, ...route.gateways]
    index.set(keyOf(network), { ...before, gateways })
  }
  return tables
}

/** Where it leads; undefined for anything but an IPv4 network. */
export function destinationOf({ dst, network }: LocalRoute): Cidr | undefined {
  return dst === 'default' ? everything : network
}

const everything = parseCidr('0.0.0.0/0')

function longestMatch(
  index: Index | undefined,
  network: Cidr,
  { passesOver = -1 }: RoutingRule,
): LocalRoute | undefined {
  const match = networksAround(network).find(
    (outer) => outer.prefixLength > passesOver && index?.has(keyOf(outer)),
  )
  return match && index?.get(keyOf(match))
}
