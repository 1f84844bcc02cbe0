import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Limits } from '../../limits.ts'
import { type Connection, createConnections } from './connections.ts'
import { createFairQueue } from './fair-queue.ts'
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

/** A handshake that takes longer is waiting for the client and costs us nothing, so it must not hold a slot. */
const patienceMs = 500
/** A ClientHello is one record, and nothing else arrives before our answer. */
const maxHelloBytes = 17 * 1024

/**
 * Counts connections, and limits a TLS server to `handshakes` at a time. A handshake costs a millisecond, and after
 * a restart a whole fleet reconnects at once: connected clients must not wait for all of them. A connection is queued for
 * its handshake from its first byte on, round robin by source; one that sends nothing in time is closed.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { limits, awaitPeer = (_socket, { named }) => named(undefined) } = options
  const { onRefused = () => {}, passOn = (_socket, stays) => stays() } = options
  const { passedOn = () => 0 } = options
  const max = () => maxConnections(limits.connections, options.descriptors - passedOn())
  const connections = createConnections<Socket>(max, () => onRefused('too_many'))
  const waiting = createFairQueue<Admitted>(limits.handshake_queue)
  const running = new Map<Admitted, NodeJS.Timeout>()
  const unseen = new Set<Socket>()
  const starts = new WeakMap<Admitted, () => void>()
  /** Keyed by the connection's addresses and ports, because a TLS socket does not expose its underlying socket. */
  const byEnds = new Map<string, Admitted>()
  const bySocket = new WeakMap<Socket, Admitted>()
  const peers = new WeakMap<Admitted, Peer>()

  function next(): void {
    while (running.size < limits.handshakes) {
      const connection = waiting.take()
      if (!connection) return
      if (connection.isClosed) continue
      running.set(
        connection,
        setTimeout(() => done(connection), patienceMs),
      )
      starts.get(connection)?.()
    }
  }

  function done(connection: Admitted | undefined): void {
    if (!connection) return
    clearTimeout(running.get(connection))
    if (running.delete(connection)) next()
  }

  function refuse(connection: Admitted, reason: Refusal): void {
    connections.remove(connection)
    connection.socket.destroy()
    onRefused(reason)
  }

  /** Calls `start` when a slot is free. */
  function awaitHello(connection: Admitted, start: () => void): void {
    const { socket, source } = connection
    const silence = setTimeout(() => refuse(connection, 'silent'), limits.silent_connection_ms)
    let isWaiting = false
    const look = (): void => {
      clearTimeout(silence)
      const { readableLength } = socket
      if (readableLength === 0 || readableLength > maxHelloBytes) socket.destroy()
      else if (!isWaiting) {
        isWaiting = true
        const loser = waiting.add(source, connection)
        if (loser) refuse(loser, 'crowded')
        next()
      }
    }
    starts.set(connection, () => {
      socket.off('readable', look).off('error', ignore)
      start()
    })
    socket.on('readable', look).on('error', ignore)
    socket.once('close', () => clearTimeout(silence))
    // What came together with a header is announced no more.
    if (socket.readableLength > 0) look()
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
      done(connection)
    })
    return connection
  }

  /** From here on it counts as one of the peer's. */
  function name(connection: Admitted, peer: Peer): void {
    peers.set(connection, peer)
    showPeer(connection.socket, peer)
    connections.moved(connection, peer.address)
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
      server.on('connection', (socket: Socket) => {
        const connection = admit(socket)
        if (!connection) return
        const open = (): void => {
          if (protocol === 'plain') unseen.delete(socket)
          for (const listener of listeners) listener.call(server, socket)
        }
        awaitPeer(socket, {
          named(peer) {
            if (peer) name(connection, peer)
            passOn(socket, () => {
              if (protocol === 'plain') open()
              else awaitHello(connection, open)
            })
          },
          fault: (isSilent) => refuse(connection, isSilent ? 'silent' : 'no_header'),
        })
      })
      server.on('secureConnection', (socket: TLSSocket) => {
        const connection = byEnds.get(endsOf(socket))
        if (!connection) return
        unseen.delete(connection.socket)
        const peer = peers.get(connection)
        if (peer) showPeer(socket, peer)
        bySocket.set(socket, connection)
        done(connection)
      })
      server.on('tlsClientError', (_error, socket: TLSSocket) => done(byEnds.get(endsOf(socket))))
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

/** A client that disconnects while waiting is not an error. */
function ignore(): void {}
