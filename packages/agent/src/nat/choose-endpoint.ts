import { isIPv4 } from 'node:net'
import {
  type Cidr,
  cidrSize,
  isUsableEndpoint,
  type Peer,
  parseCidr,
  parseIpv4,
  rangeOf,
} from '@plexd/protocol'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'
import { type Interfaces, localAddresses } from './local-addresses.ts'

/** This node's own position in the network. */
interface Standpoint {
  /** Undefined before the first discovery. */
  own: Pick<DiscoveredEndpoint, 'public_endpoint'> | undefined
  interfaces: Interfaces
  /** Undefined if unknown. */
  meshRanges?: readonly Cidr[] | undefined
}

/**
 * The endpoint to use for a peer: a local one if the peer is in a network of ours behind the same NAT, because few NATs
 * support hairpinning; else its public one. The public addresses must be equal, because thousands of networks use the same
 * private addresses. Without a public endpoint, a local one inside the mesh ranges is used: the whole network
 * may be numbered from them. Pure.
 */
export function chooseEndpoint(
  { endpoint, local_endpoints = [] }: Pick<Peer, 'endpoint' | 'local_endpoints'>,
  { own, interfaces, meshRanges }: Standpoint,
): string {
  const ownAddress = addressOf(own?.public_endpoint ?? '')
  const elsewhere =
    endpoint === '' && meshRanges
      ? (local_endpoints.find((local) => isInside(addressOf(local), meshRanges)) ?? '')
      : endpoint
  if (local_endpoints.length === 0 || addressOf(endpoint) !== ownAddress) return elsewhere
  const ours = new Set(localAddresses(interfaces))
  const near = local_endpoints.find((candidate) => {
    const address = addressOf(candidate)
    // An address that we have too is that of a container bridge or the like, which each host has.
    return isUsableEndpoint(candidate) && !ours.has(address) && isInNetworkOf(interfaces, address)
  })
  return near ?? elsewhere
}

function isInside(address: string, ranges: readonly Cidr[]): boolean {
  return isIPv4(address) && rangeOf(ranges, parseIpv4(address)) !== undefined
}

function addressOf(endpoint: string): string {
  return endpoint.slice(0, Math.max(0, endpoint.lastIndexOf(':')))
}

function isInNetworkOf(interfaces: Interfaces, address: string): boolean {
  if (!isIPv4(address)) return false
  return Object.values(interfaces)
    .flatMap((infos = []) => infos)
    .filter(({ family, internal, cidr }) => family === 'IPv4' && !internal && cidr !== null)
    .some(({ address: own, cidr }) =>
      isInNetwork(parseIpv4(address), own, Number(cidr?.split('/')[1])),
    )
}

function isInNetwork(address: number, own: string, prefixLength: number): boolean {
  const size = cidrSize({ ...parseCidr(own), prefixLength })
  return Math.floor(address / size) === Math.floor(parseIpv4(own) / size)
}
