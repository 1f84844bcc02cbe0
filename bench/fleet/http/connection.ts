import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'

/** Where a fleet connects to, and from. */
export interface Address {
  host: string
  port: number
  /** Shared by all connections: a context takes more memory than a connection. */
  context: SecureContext
  /** Several local addresses, because each has only as many ports as there are. */
  sources: readonly string[]
}

export function addressOf(url: string, ca: string): Address {
  const { hostname, port, protocol } = new URL(url)
  if (protocol !== 'https:') throw new Error(`connect to "${url}": want https`)
  const isLocal = /^127\./.test(hostname)
  return {
    host: hostname,
    port: Number(port || 443),
    context: createSecureContext({ ca }),
    sources: isLocal ? Array.from({ length: 8 }, (_, index) => `127.0.0.${index + 2}`) : [],
  }
}

/** A TLS connection with the certificate checked. `seed` spreads connections over the sources. */
export function connect({ host, port, context, sources }: Address, seed: number): TLSSocket {
  const localAddress = sources[seed % sources.length]
  const socket = connectTls({
    host,
    port,
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    ...(localAddress === undefined ? {} : { localAddress }),
  })
  socket.setNoDelay(true)
  return socket
}
