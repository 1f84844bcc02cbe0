import type { Peer } from '@plexd/protocol'
import type { NetworkMonitorOptions } from '../../routing/tables/network-monitor.ts'
import type { WgPeer } from '../backend/wg-interface.ts'

/**
 * A change of a peer, named as in POST /v1/nodes/{node_id}/drift. `peer_id` is empty for a peer added by another program,
 * because the interface only knows keys.
 */
export type PeerStep =
  | { type: 'peer_removed'; peer_id: string; public_key: string }
  | { type: 'peer_updated'; peer: Peer }
  | { type: 'peer_added'; peer: Peer }

/** A change of the interface, in words (`route 10.100.0.0/16 was missing`), or of a peer. */
export type DeviceStep = { type: 'interface_repaired'; detail: string } | PeerStep

export interface NetworkListener extends Pick<NetworkMonitorOptions, 'onMove' | 'onUnwatched'> {
  /** Routes or rules may have changed; a check follows. */
  onRoutes(): void
}

/** The local side of the mesh. */
export interface WireguardDevice {
  readonly interfaceName: string
  /** The implementation, as `plexd status` shows it: `kernel`, `wireguard-go`, `none`. */
  readonly backend: string
  /** Why there is no traffic; undefined if there is. */
  readonly disabledBecause: string | undefined
  /**
   * Renames the interface back if somebody has renamed it; returns what was done. Call it before anything else, because a
   * check of routes and addresses would take our renamed interface for a foreign one. With `taken` also if another interface
   * now has its name, which takes longer to find out.
   */
  reclaim(options?: { taken: boolean }): Promise<DeviceStep[]>
  /**
   * Reconciles the interface with these peers, and no others. Resolves to the corrections,
   * interface first; if it rejects, the next call sees what was already written.
   */
  apply(wanted: readonly Peer[]): Promise<readonly DeviceStep[]>
  /** The private key from now on; if the interface has another, the next `apply` writes this one. */
  setPrivateKey(privateKey: string): Promise<void>
  /**
   * Until the next `setPrivateKey` the PSKs of existing peers are not changed: the control plane
   * issues them for a key that the interface does not have yet.
   */
  holdPsks(): void
  /** Until disposed, calls `look` whenever another program may have changed the interface or the routes to it. */
  watch(look: () => Promise<unknown>, listener?: Partial<NetworkListener>): AsyncDisposable
  /** Replaces the sessions with all peers that have an endpoint, by a handshake with each at once. */
  reconnect(): Promise<void>
  /** The peers with their current endpoint, handshake and counters. */
  peers(): Promise<readonly WgPeer[]>
  /** Removes the interface and its process. False if there was none. */
  remove(): Promise<boolean>
}
