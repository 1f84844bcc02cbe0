import { isIPv4 } from 'node:net'
import {
  type Cidr,
  cidrSize,
  endpointFault,
  formatCidr,
  formatNode,
  isUsablePublicKey,
  isWithin,
  type Peer,
  parseCidr,
} from '@plexd/protocol'

export interface PeerRules {
  /** The ranges of the mesh; undefined if unknown. */
  meshRanges?: readonly Cidr[] | undefined
  /** The ranges that are not routed on this machine: nothing is sent to peers in them, nor accepted from them. */
  leftOut?: readonly Cidr[]
  /** Whether peers may have allowed IPs outside the mesh, so that whole networks, or the internet, are routed through it. */
  foreignAllowedIps?: boolean
}

/**
 * The peers that WireGuard can use, and what was left out. WireGuard identifies a peer by its key and gives each
 * allowed IP to only one peer, so of two that claim the same one, the first gets it; otherwise they would take it
 * from each other at each reconciliation. Only the invalid part of a peer is left out: without an endpoint it is still
 * there, and may connect to us. Pure.
 */
export function usablePeers(
  peers: readonly Peer[],
  rules: PeerRules = {},
): { peers: Peer[]; problems: string[] } {
  const problems: string[] = []
  const byKey = new Map<string, Peer>()
  const owners = new Map<string, Peer>()

  function take(peer: Peer, text: string): string[] {
    const cidr = canonicalCidr(text)
    if (cidr === undefined) problems.push(`allowed IP "${text}" of peer "${nameOf(peer)}" is none`)
    if (cidr === undefined) return []
    if (isInside(cidr, rules.leftOut ?? [])) return []
    if (isForeign(cidr, rules)) {
      problems.push(
        `allowed IP "${cidr}" of peer "${nameOf(peer)}" lies outside the mesh: "mesh.foreign_allowed_ips: true" in the config allows it`,
      )
      return []
    }
    const owner = owners.get(cidr)
    if (owner === undefined) {
      owners.set(cidr, peer)
      return [cidr]
    }
    if (owner.id !== peer.id) {
      problems.push(
        `allowed IP "${cidr}" of peer "${nameOf(peer)}" belongs to "${nameOf(owner)}" already`,
      )
    }
    return []
  }

  for (const peer of peers) {
    const other = byKey.get(peer.public_key)
    const fault = keyFault(peer)
    if (fault !== undefined) problems.push(`peer "${nameOf(peer)}" is left out: ${fault}`)
    else if (other) problems.push(`peer "${nameOf(peer)}" has the key of "${nameOf(other)}"`)
    else
      byKey.set(peer.public_key, usablePeer(peer, { take: (cidr) => take(peer, cidr), problems }))
  }
  return { peers: [...byKey.values()], problems }
}

/** Returns the same object if nothing is wrong, which is nearly always the case; there may be thousands. */
function usablePeer(
  peer: Peer,
  { take, problems }: { take: (cidr: string) => string[]; problems: string[] },
): Peer {
  const { allowed_ips, endpoint, psk } = peer
  const taken = allowed_ips.flatMap(take)
  // An endpoint inside the mesh range is fine: WireGuard's packets are marked, so they are not routed into the mesh.
  const fault = endpoint === '' ? undefined : endpointFault(endpoint)
  if (fault !== undefined)
    problems.push(`endpoint "${endpoint}" of peer "${nameOf(peer)}": ${fault}`)
  const isUsable =
    fault === undefined && psk !== noKey && taken.every((cidr, at) => cidr === allowed_ips[at])
  if (isUsable && taken.length === allowed_ips.length) return peer
  return {
    ...peer,
    allowed_ips: taken,
    endpoint: fault === undefined ? endpoint : '',
    psk: psk === noKey ? '' : psk,
  }
}

/** Why WireGuard would refuse the peer, and other peers of the same call with it. A peer without its PSK would be less secure than intended. */
function keyFault({ public_key, psk }: Peer): string | undefined {
  if (!isUsablePublicKey(public_key))
    return 'its public key is none, or one by which everybody knows the secret'
  return psk === '' || /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(psk)
    ? undefined
    : 'its PSK is none'
}

/** WireGuard uses all zeros for "no PSK", and reports it as none. */
const noKey = `${'A'.repeat(43)}=`

function isForeign(text: string, { meshRanges, foreignAllowedIps = false }: PeerRules): boolean {
  return meshRanges !== undefined && !foreignAllowedIps && !isInside(text, meshRanges)
}

function isInside(text: string, ranges: readonly Cidr[]): boolean {
  if (ranges.length === 0) return false
  const network = parseCidr(text)
  return ranges.some((range) => isWithin(network, range))
}

/** As WireGuard prints it: bits beyond the prefix are cleared. */
function canonicalCidr(text: string): string | undefined {
  // Fast path for the usual case.
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

function nameOf({ id, hostname }: Peer): string {
  return formatNode(id, hostname)
}
