import { type Cidr, cidrContains } from '@plexd/protocol'
import {
  type LocalRoute,
  networkOf,
  type Routing,
  type RoutingRule,
  readRange,
} from './local-routes.ts'

/**
 * By which route every packet for a network goes: that to the smallest network around it, in the first table that has
 * one, of those to which a rule leads all packets for it. Pure.
 */
export function createWays({ rules, routes }: Routing): (network: Cidr) => LocalRoute | undefined {
  const tables = indexRoutes(routes)
  const inOrder = rules.toSorted((one, other) => one.priority - other.priority)

  return (network) => {
    for (const rule of inOrder) {
      const way = takesAll(rule, network) && longest(tables.get(rule.table), network, rule)
      if (way && way.type !== 'throw') return way
    }
    return undefined
  }
}

type Index = Map<number, LocalRoute>

/** Routes by their table and destination: there may be many thousands. */
function indexRoutes(routes: readonly LocalRoute[]): Map<string, Index> {
  const tables = new Map<string, Index>()
  for (const route of routes) {
    const network = networkOf(route.dst)
    if (!network) continue
    const index = tables.getOrInsertComputed(route.table, () => new Map())
    const key = keyOf(network)
    const before = index.get(key)
    const gateways = [...(before?.gateways ?? []), ...route.gateways]
    index.set(key, { ...(before ?? route), gateways })
  }
  return tables
}

function takesAll({ takes }: RoutingRule, network: Cidr): boolean {
  const range = takes === undefined ? undefined : readRange(takes)
  return (
    range !== undefined &&
    range.prefixLength <= network.prefixLength &&
    cidrContains(range, network.first)
  )
}

function longest(
  index: Index | undefined,
  { first, prefixLength }: Cidr,
  { passesOver = -1 }: RoutingRule,
): LocalRoute | undefined {
  for (let length = prefixLength; index && length > passesOver; length--) {
    const size = 2 ** (32 - length)
    const found = index.get(keyOf({ first: first - (first % size), prefixLength: length }))
    if (found) return found
  }
  return undefined
}

function keyOf({ first, prefixLength }: Pick<Cidr, 'first' | 'prefixLength'>): number {
  return first * 64 + prefixLength
}
