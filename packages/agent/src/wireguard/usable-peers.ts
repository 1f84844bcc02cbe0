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
    if (owner === undefined) owners.set(cidr, peer.id)
    else problems.push(`allowed IP "${cidr}" of peer "${peer.id}" belongs to "${owner}" already`)
    return owner === undefined ? [cidr] : []
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

function usablePeer(peer: Peer, take: (cidr: string) => string[], problems: string[]): Peer {
  const allowed_ips = [...new Set(peer.allowed_ips)].flatMap(take)
  const isReachable = peer.endpoint === '' || isEndpoint(peer.endpoint)
  if (!isReachable) problems.push(`endpoint "${peer.endpoint}" of peer "${peer.id}" is none`)
  return { ...peer, allowed_ips, ...(isReachable ? {} : { endpoint: '' }) }
}

/** As WireGuard prints it: bits behind the prefix are cleared. */
function canonicalCidr(text: string): string | undefined {
  const [address = '', length = '32'] = text.split('/')
  try {
    const range = { first: parseCidr(address).first, prefixLength: Number(length) }
    const first = range.first - (range.first % cidrSize(range))
    return formatCidr(parseCidr(formatCidr({ ...range, first })))
  } catch {
    return undefined
  }
}

/** An IP address and a port; names are not resolved. */
function isEndpoint(text: string): boolean {
  const [, address = '', port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (!URL.canParse(`http://${address}:${port}`) || Number(port) === 0) return false
  return /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])$/.test(address)
}
