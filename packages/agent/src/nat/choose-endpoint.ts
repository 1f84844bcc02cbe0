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

/** Where this node is itself, as far as it matters for the way to its peers. */
interface Standpoint {
  /** Undefined before the first look. */
  own: Pick<DiscoveredEndpoint, 'public_endpoint'> | undefined
  interfaces: Interfaces
  /** All addresses of the mesh; undefined while nobody knows. */
  meshRanges?: readonly Cidr[] | undefined
}

/**
 * Where to send packets for a peer: to its own address where it stands in a network of ours and behind the same NAT,
 * since few NATs lead back in what comes from inside; else to where the internet sees it. That the public address is
 * the same must be so, because thousands of networks have the same private addresses. One inside a range of the mesh is told
 * among the local ones only: where there is nothing else, it may be what all of this network is numbered by. Pure.
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
    // An address that we have ourselves is one like that of a bridge for containers: each host has it.
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
