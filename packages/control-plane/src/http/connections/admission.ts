import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Limits } from '../../limits.ts'
import { type Connection, createConnections } from './connections.ts'
import { createHandshakes } from './handshakes.ts'
import { type AwaitPeer, showPeer } from './proxies/balancers.ts'
import type { Peer } from './proxies/proxy-header.ts'

/** Limits what clients may use of a server before they are authenticated. */
export interface Admission {
  /** Call this before the server listens. */
  guard(server: Server, protocol: 'tls' | 'plain'): void
  /** The connection of this request has been authenticated. */
  prove(request: IncomingMessage): void
  /** Number of open connections. */
  count(): number
  /** Closes those that the server has not seen yet, which it cannot close. */
  cut(): void
}

export type Refusal = 'silent' | 'crowded' | 'too_many' | 'no_header'

export interface AdmissionOptions {
  limits: Limits
  /** The number of available descriptors. */
  descriptors: number
  /** Finds out whose a connection is, before anything else of it is read; its own address when left out. */
  awaitPeer?: AwaitPeer
  /** May take a connection away, to where it is served; otherwise it calls `stays`. */
  passOn?: (socket: Socket, stays: () => void) => void
  /** How many are there of those that it has taken: each has a second descriptor. */
  passedOn?: () => number
  /** Called with the reason for each connection that is closed without an answer. */
  onRefused?: (reason: Refusal) => void
}

type Admitted = Connection<Socket>

/**
 * Counts connections, and limits a TLS server to `handshakes` at a time. A handshake costs a millisecond, and after
 * a restart a whole fleet reconnects at once: connected clients must not wait for all of them. A connection is queued for
 * its handshake once its ClientHello is whole, round robin by source; one that does not send that in time is closed.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { limits, awaitPeer = (_socket, { named }) => named(undefined) } = options
  const { onRefused = () => {}, passOn = (_socket, stays) => stays() } = options
  const { passedOn = () => 0 } = options
  const max = () => maxConnections(limits.connections, options.descriptors - passedOn())
  const connections = createConnections<Socket>(max, () => onRefused('too_many'))
  const handshakes = createHandshakes(limits, refuse)
  const unseen = new Set<Socket>()
  /** Keyed by the connection's addresses and ports, because a TLS socket does not expose its underlying socket. */
  const byEnds = new Map<string, Admitted>()
  const bySocket = new WeakMap<Socket, Admitted>()
  const peers = new WeakMap<Admitted, Peer>()

  function refuse(connection: Admitted, reason: Refusal): void {
    connections.remove(connection)
    connection.socket.destroy()
    onRefused(reason)
  }

  function admit(socket: Socket): Admitted | undefined {
    const connection = connections.add(socket)
    if (!connection) {
      socket.destroy()
      onRefused('too_many')
      return undefined
    }
    const ends = endsOf(socket)
    byEnds.set(ends, connection)
    bySocket.set(socket, connection)
    unseen.add(socket)
    socket.once('close', () => {
      unseen.delete(socket)
      connections.remove(connection)
      if (byEnds.get(ends) === connection) byEnds.delete(ends)
      handshakes.done(connection)
    })
    return connection
  }

  /** From here on it counts as one of the peer's. */
  function name(connection: Admitted, peer: Peer): void {
    peers.set(connection, peer)
    showPeer(connection.socket, peer)
    connections.moved(connection, peer.address)
  }

  /** Finds out whose it is; then it is passed on, or opened in its turn. */
  function receive(socket: Socket, protocol: 'tls' | 'plain', open: () => void): void {
    const connection = admit(socket)
    if (!connection) return
    const stay = (): void => {
      if (protocol === 'plain') {
        unseen.delete(socket)
        open()
      } else handshakes.queue(connection, open)
    }
    awaitPeer(socket, {
      named(peer) {
        if (peer) name(connection, peer)
        passOn(socket, stay)
      },
      fault: (isSilent) => refuse(connection, isSilent ? 'silent' : 'no_header'),
    })
  }

  function secured(socket: TLSSocket): void {
    const connection = byEnds.get(endsOf(socket))
    if (!connection) return
    unseen.delete(connection.socket)
    const peer = peers.get(connection)
    if (peer) showPeer(socket, peer)
    bySocket.set(socket, connection)
    handshakes.done(connection)
  }

  function track(request: IncomingMessage, response: ServerResponse): void {
    const connection = bySocket.get(request.socket)
    if (!connection) return
    connection.requests++
    connections.changed(connection)
    response.once('close', () => {
      connection.requests--
      connections.changed(connection)
    })
  }

  return {
    guard(server, protocol) {
      const listeners = server.listeners('connection') as ((socket: Socket) => void)[]
      // None of them may see a connection before it is to begin, and all of them in their order then.
      server.removeAllListeners('connection')
      server.on('connection', (socket: Socket) =>
        receive(socket, protocol, () => {
          for (const listener of listeners) listener.call(server, socket)
        }),
      )
      server.on('secureConnection', secured)
      server.on('tlsClientError', (_error, socket: TLSSocket) =>
        handshakes.done(byEnds.get(endsOf(socket))),
      )
      server.on('request', track)
    },
    prove({ socket }) {
      const connection = bySocket.get(socket)
      if (!connection || connection.isProven) return
      connection.isProven = true
      connections.changed(connection)
    },
    count: connections.size,
    cut() {
      for (const socket of unseen) socket.destroy()
    },
  }
}

/** A tenth is reserved for files, the database and the operators' socket. */
export function maxConnections(limit: number, descriptors: number): number {
  return Math.max(1, Math.min(limit, Math.floor(descriptors * 0.9) - 64))
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}
