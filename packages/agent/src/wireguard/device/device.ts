import type { Peer } from '@plexd/protocol'
import type { WgPeer } from '../backend/wg-interface.ts'

/**
 * One change of a peer, under the names of POST /v1/nodes/{node_id}/drift. `peer_id` is empty where the interface, which
 * knows keys only, has the peer from somebody else.
 */
export type PeerStep =
  | { type: 'peer_removed'; peer_id: string; public_key: string }
  | { type: 'peer_updated'; peer: Peer }
  | { type: 'peer_added'; peer: Peer }

/** One change of the interface, in words (`route 10.100.0.0/16 was missing`), or of a peer. */
export type DeviceStep = { type: 'interface_repaired'; detail: string } | PeerStep

export interface NetworkListener {
  /** This machine has other addresses, or another way out, than before. */
  onMove?: () => void
  /** Routes or rules may lead elsewhere than before; a look follows. */
  onRoutes?: () => void
  /** Why nobody tells of changes, so that they are seen late; undefined once somebody does. */
  onUnwatched?: (why: string | undefined) => void
}

/** The node's end of the mesh. */
export interface WireguardDevice {
  readonly interfaceName: string
  /** What moves the packets, as `plexd status` shows it: `kernel`, `wireguard-go`, `none`. */
  readonly backend: string
  /** Why no packet moves; undefined when they do. */
  readonly disabledBecause: string | undefined
  /**
   * Gives the interface its name back, where somebody has taken it: what was done. To come before all else, for whoever
   * looks at routes and addresses takes one of another name for somebody else's. With `taken` also where something else
   * has the name by now, which takes longer to find out.
   */
  reclaim(options?: { taken: boolean }): Promise<DeviceStep[]>
  /**
   * Brings the interface, and these peers and no others, to what is wanted. Resolves to what had to be written for that,
   * the interface first; when it rejects, the next call sees what was written already.
   */
  apply(wanted: readonly Peer[]): Promise<readonly DeviceStep[]>
  /** The key to have from now on; where the interface has another, the next `apply` writes this one. */
  setPrivateKey(privateKey: string): Promise<void>
  /**
   * Until the next `setPrivateKey` the PSKs of present peers stay as they are, whatever is wanted: the control plane
   * gives them out for a key which the interface does not have yet.
   */
  holdPsks(): void
  /** Until disposed of, calls `look` whenever somebody else may have changed the interface, or the ways to it. */
  watch(look: () => Promise<unknown>, listener?: NetworkListener): AsyncDisposable
  /** The peers with endpoint, handshake and counters of this moment. */
  peers(): Promise<readonly WgPeer[]>
  /** Ends the interface, and what moves its packets. False when there was none. */
  remove(): Promise<boolean>
}
