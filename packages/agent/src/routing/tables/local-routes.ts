import type { Cidr } from '@plexd/protocol'
import { type Exec, exec as execProgram } from '@plexd/runtime'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { readRange } from './networks.ts'

/** A route as the kernel has it. */
export interface LocalRoute {
  /** `unicast`, `local` for an own address, `blackhole`, ... */
  type: string
  /** `192.168.1.0/24`, `192.168.1.7`, `default` */
  dst: string
  /** The same, parsed; undefined for `default`. */
  network: Cidr | undefined
  dev?: string
  gateways: readonly string[]
  /** `main`, `local`, or a number. */
  table: string
}

/** A rule of policy routing; the one with the lowest priority comes first. */
export interface RoutingRule {
  priority: number
  table: string
  /** Its conditions, in the syntax of `ip`. */
  selector: string
  /** The destinations for which it leads all packets to the table; undefined if it has other conditions too. */
  takes: Cidr | undefined
  /** Ignores routes with this prefix length or a shorter one (`suppress_prefixlength`). */
  passesOver?: number
}

export interface Routing {
  routes: readonly LocalRoute[]
  rules: readonly RoutingRule[]
}

/** The IPv4 routes of all tables, and the rules that lead to them. */
export async function readRouting(exec: Exec = execProgram): Promise<Routing> {
  const input = 'rule show\nroute show table all\n'
  return parseRouting(await exec(['ip', '-4', '-json', '-batch', '-'], { input }))
}

/** Parses the two lines. Leaves out broadcast addresses and the like, which come and go with their networks. */
export function parseRouting(text: string): Routing {
  const [rules = [], routes = []] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line))
  if (!Check(Rules, rules) || !Check(Routes, routes))
    throw new Error('parse the routing that ip prints: fields are missing')
  return {
    rules: rules.map(({ priority, table = '', suppress_prefixlen, ...rest }) => ({
      priority,
      table,
      selector: selectorOf(rest),
      takes: takenBy(rest),
      ...(suppress_prefixlen === undefined ? {} : { passesOver: suppress_prefixlen }),
    })),
    routes: routes
      .map(({ type = 'unicast', dst, dev, gateway, nexthops = [], table = 'main' }) => ({
        type,
        dst,
        network: readRange(dst),
        ...(dev === undefined ? {} : { dev }),
        gateways: [{ gateway }, ...nexthops].flatMap((hop) => hop.gateway ?? []),
        table,
      }))
      .filter(({ type }) => !['broadcast', 'multicast', 'anycast'].includes(type)),
  }
}

const Gateway = Type.Optional(Type.String())
const Routes = Type.Array(
  Type.Object({
    type: Type.Optional(Type.String()),
    dst: Type.String(),
    dev: Type.Optional(Type.String()),
    gateway: Gateway,
    nexthops: Type.Optional(Type.Array(Type.Object({ gateway: Gateway }))),
    table: Type.Optional(Type.String()),
  }),
)
const Rules = Type.Array(
  Type.Object({
    priority: Type.Integer(),
    table: Type.Optional(Type.String()),
    suppress_prefixlen: Type.Optional(Type.Integer()),
  }),
)

/** `not fwmark 0xe4/0xffff`, `to 10.0.0.0/8`; empty for all packets. */
function selectorOf(rule: Readonly<Record<string, unknown>>): string {
  const { not, src, srclen, dst, dstlen, fwmark, fwmask, iif, oif } = rule
  const condition = (word: string, value: unknown, length?: unknown): string[] =>
    value === undefined || value === 'all' ? [] : [`${word} ${prefixed(value, length)}`]
  return [
    ...(not === undefined ? [] : ['not']),
    ...condition('from', src, srclen),
    ...condition('to', dst, dstlen),
    ...condition('fwmark', fwmark, fwmask),
    ...condition('iif', iif),
    ...condition('oif', oif),
  ].join(' ')
}

/** Keys that `ip` prints of a rule and that are no further condition. */
const noConditions = new Set(['protocol', 'src', 'dst', 'dstlen'])

function takenBy(rule: Readonly<Record<string, unknown>>): Cidr | undefined {
  const { src = 'all', dst = 'all', dstlen } = rule
  const hasMore = src !== 'all' || Object.keys(rule).some((key) => !noConditions.has(key))
  if (hasMore) return undefined
  return readRange(dst === 'all' ? '0.0.0.0/0' : prefixed(dst, dstlen))
}

function prefixed(address: unknown, length: unknown): string {
  return length === undefined ? `${address}` : `${address}/${length}`
}
