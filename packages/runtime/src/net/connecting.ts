import type { ClientRequest } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { formatAddress } from './udp/udp-address.ts'

export interface ConnectingOptions {
  host: string
  port: number
  /** Per step; default 15 s. */
  stepMs?: number | undefined
}

/** Longer than any working network needs. */
export const stepMs = 15_000

/** Which step hung, and for how long we waited. */
export function stepError(what: string, ms: number): Error {
  return Object.assign(new Error(`${what} within ${ms / 1_000} s`), { code: 'ETIMEDOUT' })
}

/**
 * Aborts a request that does not get an open connection: name resolution, TCP and TLS each have a timeout, and
 * the error says which of them hung. A reused connection is not watched.
 */
export function watchConnecting(request: ClientRequest, options: ConnectingOptions): void {
  const { host, port, stepMs: ms = stepMs } = options
  const target = isIP(host) ? formatAddress({ address: host, port }) : `${host}:${port}`
  let timer: NodeJS.Timeout | undefined

  function wait(what: string): void {
    clearTimeout(timer)
    timer = setTimeout(() => request.destroy(stepError(what, ms)), ms)
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

  request.once('socket', follow)
  request.once('close', done)
}

/** Marks the error of a request that had no connection yet: nothing of it was sent. Returns the function that does. */
export function watchUnsent(request: ClientRequest): (error: Error) => Error {
  let mayBeSent = false
  const connected = (): void => {
    mayBeSent = true
  }
  request.once('socket', (socket) => {
    // A socket by a proxy comes connected, and TLS within it may be under way.
    if (request.reusedSocket || !socket.connecting) connected()
    else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected)
  })
  return (error) => (mayBeSent ? error : Object.assign(error, { isUnsent: true }))
}

/** Whether it is certain that nothing of the request that failed so was sent. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && 'isUnsent' in error
}

/** A request without a socket, as while a proxy tunnel is set up, does not report its own abort. */
export function whenGivenUp(
  request: ClientRequest,
  signal: AbortSignal | undefined,
  reject: (error: Error) => void,
): void {
  const giveUp = (): void => {
    if (request.socket) return
    const error = new Error('the request was given up', { cause: signal?.reason })
    reject(Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' }))
  }
  if (signal?.aborted) giveUp()
  else signal?.addEventListener('abort', giveUp, { once: true })
}
