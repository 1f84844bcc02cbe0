import type { NatType, Peer, PeerStatus } from '@plexd/protocol'
import { hasSession, type WgPeer } from '../backend/wg-interface.ts'

export interface Onlooker {
  nowSeconds: number
  /** Of the NAT in front of this node. */
  natType: NatType
  /** By peer id, why packets for it do not get into the mesh. */
  astray?: ReadonlyMap<string, string>
  /** For a peer that only small packets reach, the largest, in bytes. */
  largestTo?(id: string): number | undefined
}

/** How each peer is reached: the control plane's peers with WireGuard's state of them. Pure. */
export function describePeers(
  peers: readonly Peer[],
  actual: readonly WgPeer[],
  onlooker: Onlooker,
): PeerStatus[] {
  const byKey = new Map(actual.map((peer) => [peer.public_key, peer]))
  return peers.map((peer) => describePeer(peer, byKey.get(peer.public_key), onlooker))
}

function describePeer(peer: Peer, actual: WgPeer | undefined, onlooker: Onlooker): PeerStatus {
  const { state, reason } = conditionOf(peer, actual, onlooker)
  const at = actual?.handshake_at ?? 0
  return {
    id: peer.id,
    hostname: peer.hostname ?? '',
    mesh_ip: peer.mesh_ip,
    public_key: peer.public_key,
    state,
    reason,
    endpoint: actual?.endpoint ?? '',
    allowed_ips: [...(actual?.allowed_ips ?? [])],
    last_handshake_at: at === 0 ? null : new Date(at * 1_000).toISOString(),
    rx_bytes: actual?.rx_bytes ?? 0,
    tx_bytes: actual?.tx_bytes ?? 0,
    keepalive_seconds: actual?.keepalive_seconds ?? 0,
  }
}

/** "Connected" means that a packet would get through. */
function conditionOf(
  { id, nat_type }: Peer,
  actual: WgPeer | undefined,
  { nowSeconds, natType, astray, largestTo }: Onlooker,
): Pick<PeerStatus, 'state' | 'reason'> {
  const state = stateOf(actual, nowSeconds)
  const way = astray?.get(id)
  if (way !== undefined && state !== 'missing') return { state: 'misrouted', reason: way }
  const largest = state === 'connected' ? largestTo?.(id) : undefined
  if (largest !== undefined)
    return { state, reason: `no packet over ${largest} bytes gets through` }
  return {
    state,
    reason: (state === 'unanswered' && natReason(natType, nat_type)) || reasons[state],
  }
}

function stateOf(actual: WgPeer | undefined, nowSeconds: number): keyof typeof reasons {
  if (!actual) return 'missing'
  if (hasSession(actual, nowSeconds)) return 'connected'
  if (actual.endpoint === '') return 'no_endpoint'
  return actual.handshake_at === 0 && actual.tx_bytes > 0 ? 'unanswered' : 'idle'
}

const reasons: Record<Exclude<PeerStatus['state'], 'misrouted'>, string> = {
  connected: '',
  idle: 'no traffic in the last three minutes',
  unanswered: 'no answer: the peer is down, or a firewall or NAT stands between',
  no_endpoint: 'no endpoint is known: the peer must speak first',
  missing: 'not on the interface',
}

/**
 * Why two NATs prevent a handshake: a symmetric one sends each packet from an unpredictable port, so the peer cannot send
 * to it, and a port-restricted NAT accepts packets only from ports that were sent to.
 */
function natReason(own: NatType, peer: NatType = 'unknown'): string | undefined {
  if (!crossesNone.has(`${own} ${peer}`)) return undefined
  return `no answer: its NAT is ${peer} and ours ${own}: WireGuard alone cannot cross this pair, one side needs a public endpoint`
}

const crossesNone: ReadonlySet<string> = new Set([
  'symmetric symmetric',
  'symmetric port_restricted',
  'port_restricted symmetric',
] satisfies `${NatType} ${NatType}`[])
