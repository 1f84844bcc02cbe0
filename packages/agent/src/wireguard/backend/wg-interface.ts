/** The state of an interface, as the kernel or wireguard-go reports it. Keys are base64; the empty string or 0 means not set. */
export interface WgInterface {
  private_key: string
  listen_port: number
  /** The mark on each packet that it sends. */
  fwmark: number
  peers: readonly WgPeer[]
}

export interface WgPeer {
  public_key: string
  psk: string
  /** The current one: the peer may have roamed. */
  endpoint: string
  allowed_ips: readonly string[]
  keepalive_seconds: number
  /** Seconds since 1970. */
  handshake_at: number
  rx_bytes: number
  tx_bytes: number
}

/** A peer that was added with its key alone. */
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

/** What is undefined stays as it is. */
export interface PeerChange {
  public_key: string
  type: 'add' | 'update' | 'remove'
  psk?: string
  endpoint?: string
  /** Replaces the list. */
  allowed_ips?: readonly string[]
  keepalive_seconds?: number
}

export interface WgChange {
  private_key?: string
  listen_port?: number
  fwmark?: number
  peers: readonly PeerChange[]
}

/** The kernel's WireGuard or wireguard-go: reads and writes an interface. */
export interface Backend {
  readonly name: BackendName
  read(): Promise<WgInterface>
  /** In one call if WireGuard allows it. If it refuses a part, the parts before it stay written. */
  write(change: WgChange): Promise<void>
}

export type BackendName = 'kernel' | 'wireguard-go'

/**
 * Whether a packet could be sent to the peer now. Handshake times are in the wall clock: one in the future was
 * before somebody set the clock back, and says nothing.
 */
export function hasSession(
  { handshake_at }: Pick<WgPeer, 'handshake_at'>,
  nowSeconds: number,
): boolean {
  return Math.abs(nowSeconds - handshake_at) < sessionSeconds
}

/** WireGuard renews a session after two minutes of traffic, and ends it after three (REJECT_AFTER_TIME). */
const sessionSeconds = 180
