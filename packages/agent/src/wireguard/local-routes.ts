import { type Exec, exec as execProgram } from '@plexd/runtime'
import { Type } from 'typebox'
import { Check } from 'typebox/value'

/** Where this machine sends what, as the kernel has it. */
export interface LocalRoute {
  /** `unicast`, `local` for an own address, `blackhole`, ... */
  type: string
  /** `192.168.1.0/24`, `192.168.1.7`, `default` */
  dst: string
  dev?: string
  gateways: readonly string[]
}

/** The IPv4 routes of all tables. */
export async function readLocalRoutes(exec: Exec = execProgram): Promise<LocalRoute[]> {
  return parseLocalRoutes(await exec(['ip', '-4', '-json', 'route', 'show', 'table', 'all']))
}

/** Broadcast addresses and the like come and go with the networks that they are of, and are left out. */
export function parseLocalRoutes(text: string): LocalRoute[] {
  const routes: unknown = text.trim() === '' ? [] : JSON.parse(text)
  if (!Check(Routes, routes)) throw new Error('parse the routes that ip prints: fields are missing')
  return routes
    .map(({ type = 'unicast', dst, dev, gateway, nexthops = [] }) => ({
      type,
      dst,
      ...(dev === undefined ? {} : { dev }),
      gateways: [gateway, ...nexthops.map((hop) => hop.gateway)].filter((via) => via !== undefined),
    }))
    .filter(({ type }) => !['broadcast', 'multicast', 'anycast'].includes(type))
}

const Gateway = Type.Optional(Type.String())
const Routes = Type.Array(
  Type.Object({
    type: Type.Optional(Type.String()),
    dst: Type.String(),
    dev: Type.Optional(Type.String()),
    gateway: Gateway,
    nexthops: Type.Optional(Type.Array(Type.Object({ gateway: Gateway }))),
  }),
)
