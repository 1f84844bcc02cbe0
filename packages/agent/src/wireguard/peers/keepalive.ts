import {
  type BackendName,
  hasSession,
  type PeerChange,
  type WgPeer,
} from '../backend/wg-interface.ts'

/**
 * Makes WireGuard send something to each peer at once, by switching keepalive on. After a change of our key or
 * address we have to send first, because no peer can reach us until then.
 */
export function speakNow(publicKeys: readonly string[]): PeerChange[] {
  return publicKeys.flatMap((public_key): PeerChange[] => [
    { public_key, type: 'update', keepalive_seconds: 0 },
    { public_key, type: 'update', keepalive_seconds: speakingSeconds },
  ])
}

/**
 * Re-adds peers that WireGuard may have tried in vain: it would not retry for five seconds, but forgets
 * that with the peer. A handshake starts at once, and keepalive is set afterwards.
 */
export function addedSpeaking(peers: readonly Settings[]): PeerChange[] {
  return [
    ...peers.map(({ public_key }): PeerChange => ({ public_key, type: 'remove' })),
    ...peers.map(({ public_key, psk, endpoint, allowed_ips }): PeerChange => {
      return {
        public_key,
        type: 'add',
        psk,
        endpoint,
        allowed_ips,
        keepalive_seconds: speakingSeconds,
      }
    }),
    ...peers
      .filter(({ keepalive_seconds }) => keepalive_seconds !== speakingSeconds)
      .map(({ public_key, keepalive_seconds }): PeerChange => {
        return { public_key, type: 'update', keepalive_seconds }
      }),
  ]
}

type Settings = Pick<
  WgPeer,
  'public_key' | 'psk' | 'endpoint' | 'allowed_ips' | 'keepalive_seconds'
>

/** Switching it on makes WireGuard send; the value does not matter. */
const speakingSeconds = 25

/** Restores the original keepalive. */
export function settled(publicKeys: readonly string[], keepaliveSeconds: number): PeerChange[] {
  return publicKeys.map((public_key) => ({
    public_key,
    type: 'update',
    keepalive_seconds: keepaliveSeconds,
  }))
}

/**
 * The changes needed after a change of this machine's address. wireguard-go keeps sending to a peer from the address of
 * the last exchange, even if the machine has lost it, and then fails forever; writing the peer's
 * unchanged endpoint makes it forget that address.
 */
export function forgetSources(peers: readonly WgPeer[], backend: BackendName): PeerChange[] {
  if (backend === 'kernel') return []
  return peers
    .filter(({ endpoint }) => endpoint !== '')
    .map(({ public_key, endpoint }) => ({ public_key, type: 'update', endpoint }))
}

/** Only peers with a session: others have nothing to lose, and would start handshakes. */
export function keysInUse(peers: readonly WgPeer[], nowSeconds: number): string[] {
  return peers.filter((peer) => hasSession(peer, nowSeconds)).map(({ public_key }) => public_key)
}
