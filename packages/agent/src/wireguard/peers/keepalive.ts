import type { BackendName } from '../backend/backend.ts'
import { hasSession } from '../backend/session.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'

/**
 * Makes WireGuard send something to each peer at once: it does so when keepalive is switched on. Whoever has a new key
 * or a new address must speak first, for nobody can reach him under it yet.
 */
export function speakNow(publicKeys: readonly string[]): PeerChange[] {
  return publicKeys.flatMap((public_key): PeerChange[] => [
    { public_key, type: 'update', keepalive_seconds: 0 },
    { public_key, type: 'update', keepalive_seconds: speakingSeconds },
  ])
}

/**
 * Adds peers anew that WireGuard may have spoken to in vain: it would not try again for five seconds, and forgets about
 * that with the peer. They are spoken to at once, and get their keepalive afterwards.
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

/** Switching it on makes WireGuard speak; what the value is does not matter. */
const speakingSeconds = 25

/** Puts keepalive back to what it was before it was switched. */
export function settled(publicKeys: readonly string[], keepaliveSeconds: number): PeerChange[] {
  return publicKeys.map((public_key) => ({
    public_key,
    type: 'update',
    keepalive_seconds: keepaliveSeconds,
  }))
}

/**
 * What must be written when this machine has got another address. wireguard-go sends to a peer from the address that
 * the last exchange was on, also when the machine has it no longer, and then fails for ever; writing the endpoint that
 * the peer has anyway makes it forget.
 */
export function forgetSources(peers: readonly WgPeer[], backend: BackendName): PeerChange[] {
  if (backend === 'kernel') return []
  return peers
    .filter(({ endpoint }) => endpoint !== '')
    .map(({ public_key, endpoint }) => ({ public_key, type: 'update', endpoint }))
}

/** Those with a session: others have nothing to lose, and would be made to shake hands. */
export function keysInUse(peers: readonly WgPeer[], nowSeconds: number): string[] {
  return peers.filter((peer) => hasSession(peer, nowSeconds)).map(({ public_key }) => public_key)
}
