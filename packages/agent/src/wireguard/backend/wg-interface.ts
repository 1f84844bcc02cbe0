/** What WireGuard says of an interface, whichever way it was asked. Keys are base64; what is not set is the empty string or 0. */
export interface WgInterface {
  private_key: string
  listen_port: number
  /** On each packet that it sends; 0 for none. */
  fwmark: number
  peers: readonly WgPeer[]
}

/** A peer as the kernel, or wireguard-go, has it. */
export interface WgPeer {
  public_key: string
  psk: string
  /** Where packets go at the moment: the peer may have roamed there. */
  endpoint: string
  allowed_ips: readonly string[]
  keepalive_seconds: number
  /** Seconds since 1970. */
  handshake_at: number
  rx_bytes: number
  tx_bytes: number
}

/** One that was added with its key alone. */
export function newPeer(public_key: string): WgPeer {
  return {
    public_key,
    psk: '',
    endpoint: '',
    allowed_ips: [],
    keepalive_seconds: 0,
    handshake_at: 0,
    rx_bytes: 0,
    tx_bytes: 0,
  }
}

/** A change of one peer. What is undefined stays as it is. */
export interface PeerChange {
  public_key: string
  type: 'add' | 'update' | 'remove'
  psk?: string
  endpoint?: string
  /** Replaces the whole list. */
  allowed_ips?: readonly string[]
  keepalive_seconds?: number
}

/** A change of the interface, to be made in one call where the kernel allows it. */
export interface WgChange {
  private_key?: string
  listen_port?: number
  fwmark?: number
  peers: readonly PeerChange[]
}
