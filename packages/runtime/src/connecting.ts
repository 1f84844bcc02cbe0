import type { ClientRequest } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { formatAddress } from './udp-address.ts'

export interface ConnectingOptions {
  host: string
  port: number
  /** A proxy that stands between, for texts. */
  via?: string | undefined
  /** For each step; 15 s when left out. */
  stepMs?: number | undefined
}

const defaultStepMs = 15_000

/**
 * Gives a request up that does not get as far as an open connection: the name, TCP and TLS have their time each, and
 * the error says which of them hung. A connection that is open already is not watched.
 */
export function watchConnecting(request: ClientRequest, options: ConnectingOptions): void {
  const { host, port, via, stepMs = defaultStepMs } = options
  const target = isIP(host) ? formatAddress({ address: host, port }) : `${host}:${port}`
  let timer: NodeJS.Timeout | undefined

  function wait(what: string): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const error = new Error(`${what} within ${stepMs / 1_000} s`)
      request.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
    }, stepMs)
  }
  const done = (): void => clearTimeout(timer)

  function follow(socket: Socket): void {
    done()
    if (request.reusedSocket || !socket.connecting) return
    wait(isIP(host) ? `no TCP connection to ${target}` : `no address found for the name "${host}"`)
    socket.once('lookup', (_error, address) => {
      wait(`no TCP connection to ${target}${address === host ? '' : ` (${address})`}`)
    })
    socket.once('connect', () => {
      done()
      if (socket instanceof TLSSocket)
        wait(`${socket.remoteAddress} took the connection and did not answer the TLS handshake`)
    })
    socket.once('secureConnect', done)
  }

  // Through a proxy there is no socket before all of it is done.
  if (via !== undefined) wait(`no way to ${target} through the proxy ${via}`)
  request.once('socket', follow)
  request.once('close', done)
}
