/** Where a control plane is reached by the others. */
export interface PeerAddress {
  host: string
  port: number
}

/** Of `HOST:PORT`, an IPv6 address in brackets; undefined for what nobody can connect to. Pure. */
export function readPeerAddress(text: string): PeerAddress | undefined {
  const [, host = '', port] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? []
  // Whoever connects to no port is thrown at.
  return Number(port) > 0 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined
}
