import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { LinkRepair } from '../../routing/link-repair.ts'
import { meshTable } from '../../routing/tables/mesh-table.ts'

/** The interface without its WireGuard settings. */
export interface LinkState {
  name: string
  /** `wireguard` from the kernel, `tun` from wireguard-go; others are not ours. */
  kind: string
  up: boolean
  mtu: number
  /** IPv4, with prefix length. */
  addresses: readonly string[]
  /** Destinations routed to it in the mesh's routing table. */
  routes: readonly string[]
  /** The same in the main table. */
  mainRoutes: readonly string[]
}

export interface WantedLink {
  mtu: number
  /** `10.100.1.2/32` */
  address: string
  /** The mesh ranges: a route per peer would cost a kernel write for each. */
  routes: readonly string[]
}

/** 1500 minus the 80 bytes that WireGuard adds over IPv6. */
export const standardMtu = 1_420

/** Input of `ip -json -details -batch -`, which prints a JSON array per line. */
export function linkQuery(name: string): string {
  return `address show dev ${name}\nroute show table all dev ${name}\n`
}

export function parseLink(text: string): LinkState {
  const [links, routes] = text
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line))
  if (!Check(Links, links) || !Check(Routes, routes)) {
    throw new Error('parse what ip says of the interface: fields are missing')
  }
  const [link] = links
  if (!link) throw new Error('parse what ip says of the interface: it names none')
  return {
    name: link.ifname,
    kind: link.linkinfo?.info_kind ?? link.link_type,
    up: link.flags.includes('UP'),
    mtu: link.mtu,
    addresses: link.addr_info.filter(isIpv4).map((info) => `${info.local}/${info.prefixlen}`),
    routes: destinations(routes, meshTable),
    mainRoutes: destinations(routes, 'main'),
  }
}

const AddressInfo = Type.Object({
  family: Type.String(),
  local: Type.String(),
  prefixlen: Type.Integer(),
})
const Links = Type.Array(
  Type.Object({
    ifname: Type.String(),
    link_type: Type.String(),
    mtu: Type.Integer(),
    flags: Type.Array(Type.String()),
    linkinfo: Type.Optional(Type.Object({ info_kind: Type.Optional(Type.String()) })),
    addr_info: Type.Array(AddressInfo),
  }),
)
const Routes = Type.Array(Type.Object({ dst: Type.String(), table: Type.Optional(Type.String()) }))

function destinations(routes: Static<typeof Routes>, wanted: string): string[] {
  return routes.filter(({ table = 'main' }) => table === wanted).map(({ dst }) => dst)
}

function isIpv4({ family }: Static<typeof AddressInfo>): boolean {
  return family === 'inet'
}

/** The repairs, in an order that the kernel accepts: a route needs the interface to be up. Pure. */
export function planLink(name: string, wanted: WantedLink, actual: LinkState): LinkRepair[] {
  const strange = actual.addresses.filter((address) => address !== wanted.address)
  const repairs: (LinkRepair | false)[] = [
    actual.mtu !== wanted.mtu && {
      detail: `MTU was ${actual.mtu} instead of ${wanted.mtu}: to have another, set "mesh.mtu" in the config`,
      command: `link set dev ${name} mtu ${wanted.mtu}`,
    },
    ...strange.map((address) => ({
      detail: `address ${address} was there`,
      command: `address del ${address} dev ${name}`,
    })),
    !actual.addresses.includes(wanted.address) && {
      detail: `address ${wanted.address} was missing`,
      command: `address add ${wanted.address} dev ${name}`,
    },
    !actual.up && { detail: 'interface was down', command: `link set dev ${name} up` },
    ...wanted.routes
      .filter((route) => !actual.routes.includes(route))
      .map((route) => ({
        detail: `route ${route} was missing`,
        command: `route replace ${route} dev ${name} table ${meshTable}`,
      })),
    ...actual.routes
      .filter((route) => !wanted.routes.includes(route))
      .map((route) => ({
        detail: `route ${route} was there`,
        command: `route delete ${route} dev ${name} table ${meshTable}`,
      })),
    // In the main table a route would also take packets that are not for the mesh.
    ...wanted.routes
      .filter((route) => actual.mainRoutes.includes(route))
      .map((route) => ({
        detail: `route ${route} was in the main table`,
        command: `route delete ${route} dev ${name} table main`,
      })),
  ]
  return repairs.filter((repair) => repair !== false)
}
