import { isIPv4, isIPv6 } from 'node:net'
import { cidrSize, formatCidr, type Peer, parseCidr } from '@plexd/protocol'

/**
 * The peers as WireGuard can have them, and what it cannot have of them. It knows a peer by its key and gives each
 * address to one peer only, so of two that want the same the first has it: written as they came, they would take it
 * from each other at each reconciliation. Pure.
 */
export function usablePeers(peers: readonly Peer[]): { peers: Peer[]; problems: string[] } {
  const problems: string[] = []
  const byKey = new Map<string, Peer>()
  const owners = new Map<string, string>()

  function take(peer: Peer, text: string): string[] {
    const cidr = canonicalCidr(text)
    if (cidr === undefined) problems.push(`allowed IP "${text}" of peer "${peer.id}" is none`)
    if (cidr === undefined) return []
    const owner = owners.get(cidr)
    if (owner === undefined) {
      owners.set(cidr, peer.id)
      return [cidr]
    }
    if (owner !== peer.id) {
      problems.push(`allowed IP "${cidr}" of peer "${peer.id}" belongs to "${owner}" already`)
    }
    return []
  }

  for (const peer of peers) {
    const other = byKey.get(peer.public_key)
    if (other) problems.push(`peer "${peer.id}" has the key of "${other.id}"`)
    else
      byKey.set(
        peer.public_key,
        usablePeer(peer, (cidr) => take(peer, cidr), problems),
      )
  }
  return { peers: [...byKey.values()], problems }
}

/** The peer itself where nothing is wrong with it: that is nearly always so, and there may be thousands. */
function usablePeer(peer: Peer, take: (cidr: string) => string[], problems: string[]): Peer {
  const { allowed_ips, endpoint } = peer
  const taken = allowed_ips.flatMap(take)
  const isReachable = endpoint === '' || isEndpoint(endpoint)
  if (!isReachable) problems.push(`endpoint "${endpoint}" of peer "${peer.id}" is none`)
  const isUsable = isReachable && taken.every((cidr, at) => cidr === allowed_ips[at])
  if (isUsable && taken.length === allowed_ips.length) return peer
  return { ...peer, allowed_ips: taken, endpoint: isReachable ? endpoint : '' }
}

/** As WireGuard prints it: bits behind the prefix are cleared. */
function canonicalCidr(text: string): string | undefined {
  // The usual kind, the quick way.
  if (text.endsWith('/32') && isIPv4(text.slice(0, -3))) return text
  try {
    return formatCidr(parseCidr(text))
  } catch {
    return maskedCidr(text)
  }
}

function maskedCidr(text: string): string | undefined {
  const [address = '', length] = text.split('/')
  try {
    const range = { ...parseCidr(address), prefixLength: Number(length) }
    const masked = formatCidr({ ...range, first: range.first - (range.first % cidrSize(range)) })
    return formatCidr(parseCidr(masked))
  } catch {
    return undefined
  }
}

/** An IP address and a port; names are not resolved. */
function isEndpoint(text: string): boolean {
  const at = text.lastIndexOf(':')
  const [address, port] = [text.slice(0, at), text.slice(at + 1)]
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return false
  return address.startsWith('[') ? isIPv6(address.slice(1, -1)) : isIPv4(address)
}
