import { existsSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { isPrivateRange, parseCidr } from '@plexd/protocol'
import { formatAddress } from '@plexd/runtime'
import { readDefaultRoutes } from '../routing/default-routes.ts'

/** As `os.networkInterfaces()` has it. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** Of this machine; where they cannot be read, as without a free descriptor, those that there were before. */
export function createInterfaceReader(
  read: () => Interfaces = networkInterfaces,
): () => Interfaces {
  let last: Interfaces = {}
  return () => {
    try {
      last = read()
    } catch {
      // Whoever waits for a change waits on.
    }
    return last
  }
}

/** All addresses of the host, also those that are of no use to others. */
export function localAddresses(interfaces: Interfaces): string[] {
  return Object.values(interfaces).flatMap((infos = []) => infos.map(({ address }) => address))
}

/** What is known of an interface beside its addresses. */
export interface LocalPlace {
  port: number
  meshInterface: string
  /** By which this machine sends what is for the internet; empty for none. */
  wayOut: string
  /** Whether what is behind an interface is on this machine: containers and virtual machines. */
  isInside(name: string): boolean
}

/** As many as the control plane takes. */
const maxEndpoints = 8

/**
 * Where peers in the same network may reach WireGuard: the host's own addresses, without those of the mesh itself, of
 * loopback, and those that are good for one link only. The most useful ones come first, as many as the control plane takes:
 * those of the way out, then public ones, then private ones, and those of bridges for containers last. Pure.
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

/** Of a network that is not the internet: RFC 1918, RFC 6598, RFC 4193. */
function isPrivate(address: string): boolean {
  return isIPv4(address) ? isPrivateRange(parseCidr(address)) : /^f[cd]/i.test(address)
}

/** As this machine has it now. */
export function localPlace(at: Pick<LocalPlace, 'port' | 'meshInterface'>): LocalPlace {
  const [first] = readDefaultRoutes()
  return { ...at, wayOut: first?.dev ?? '', isInside: (name) => isBridge(name) }
}

/** A bridge, or what has the name that container engines and hypervisors give. */
function isBridge(name: string): boolean {
  return insideNames.test(name) || existsSync(`/sys/class/net/${name}/bridge`)
}

const insideNames =
  /^(docker|br-|virbr|vnet|veth|cni|flannel|cali|cilium|lxc|lxd|podman|kube|weave|vmnet|vboxnet)/
