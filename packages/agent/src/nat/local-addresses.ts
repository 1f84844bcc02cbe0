import { existsSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { isPrivateRange, parseCidr } from '@plexd/protocol'
import { formatAddress } from '@plexd/runtime'
import { readDefaultRoutes } from '../routing/tables/default-routes.ts'

/** The type of `os.networkInterfaces()`. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** Reads this machine's interfaces; if that fails, as without a free file descriptor, returns the last ones read. */
export function createInterfaceReader(
  read: () => Interfaces = networkInterfaces,
): () => Interfaces {
  let last: Interfaces = {}
  return () => {
    try {
      last = read()
    } catch {
      // The caller waits for a change, and checks again.
    }
    return last
  }
}

/** All addresses of the host, including those that others cannot use. */
export function localAddresses(interfaces: Interfaces): string[] {
  return Object.values(interfaces).flatMap((infos = []) => infos.map(({ address }) => address))
}

/** What matters about the interfaces besides their addresses. */
export interface LocalPlace {
  port: number
  meshInterface: string
  /** The interface of the default route; empty for none. */
  wayOut: string
  /** Whether an interface leads to containers or virtual machines on this machine. */
  isInside(name: string): boolean
}

/** The limit of the control plane. */
const maxEndpoints = 8

/**
 * The endpoints at which peers in the same network may reach WireGuard: the host's addresses, without those of the mesh,
 * loopback and link-local ones. At most as many as the control plane accepts, the most useful first: addresses of the
 * default route's interface, then public ones, then private ones, and container bridges last. Pure.
 */
export function localEndpoints(
  interfaces: Interfaces,
  { port, meshInterface, wayOut, isInside }: LocalPlace,
): string[] {
  const rankOf = (name: string, address: string): number => {
    if (isInside(name)) return 3
    if (name === wayOut) return 0
    return isPrivate(address) ? 2 : 1
  }
  return Object.entries(interfaces)
    .filter(([name]) => name !== meshInterface)
    .flatMap(([name, infos = []]) => infos.map((info) => ({ name, ...info })))
    .filter(({ address, internal }) => !internal && !/^(169\.254\.|fe80:)/i.test(address))
    .map(({ name, address }) => ({ address, rank: rankOf(name, address) }))
    .toSorted((one, other) => one.rank - other.rank)
    .slice(0, maxEndpoints)
    .map(({ address }) => formatAddress({ address, port }))
}

/** Whether an address is private: RFC 1918, RFC 6598, RFC 4193. */
function isPrivate(address: string): boolean {
  return isIPv4(address) ? isPrivateRange(parseCidr(address)) : /^f[cd]/i.test(address)
}

/** The present state of this machine. */
export function localPlace(at: Pick<LocalPlace, 'port' | 'meshInterface'>): LocalPlace {
  const [first] = readDefaultRoutes()
  return { ...at, wayOut: first?.dev ?? '', isInside: (name) => isBridge(name) }
}

/** Whether it is a bridge, or has a name as container engines and hypervisors give. */
function isBridge(name: string): boolean {
  return insideNames.test(name) || existsSync(`/sys/class/net/${name}/bridge`)
}

const insideNames =
  /^(docker|br-|virbr|vnet|veth|cni|flannel|cali|cilium|lxc|lxd|podman|kube|weave|vmnet|vboxnet)/
