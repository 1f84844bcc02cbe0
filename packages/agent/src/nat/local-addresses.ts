import type { NetworkInterfaceInfo } from 'node:os'
import { formatAddress } from '@plexd/runtime'

/** As `os.networkInterfaces()` has it. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** All addresses of the host, also those that are of no use to others. */
export function localAddresses(interfaces: Interfaces): string[] {
  return Object.values(interfaces).flatMap((infos = []) => infos.map(({ address }) => address))
}

/**
 * Where peers in the same network may reach WireGuard: the host's own addresses, at most eight, without those of the
 * mesh itself, of loopback, and those that are good for one link only.
 */
export function localEndpoints(
  interfaces: Interfaces,
  { port, meshInterface }: { port: number; meshInterface: string },
): string[] {
  return Object.entries(interfaces)
    .filter(([name]) => name !== meshInterface)
    .flatMap(([, infos = []]) => infos)
    .filter(({ address, internal }) => !internal && !/^(169\.254\.|fe80:)/i.test(address))
    .map(({ address }) => formatAddress({ address, port }))
    .slice(0, 8)
}
