import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Limits } from '../../limits.ts'
import { type Connection, createConnections } from './connections.ts'
import { createFairQueue } from './fair-queue.ts'

/** Who may take how much of a server before anything is known of them. */
export interface Admission {
  /** To be called before the server listens. */
  guard(server: Server, protocol: 'tls' | 'plain'): void
  /** A credential came over the connection of this request. */
  prove(request: IncomingMessage): void
  /** Open connections. */
  count(): number
}

export type Refusal = 'silent' | 'crowded' | 'too_many'

export interface AdmissionOptions {
  limits: Limits
  /** More than these descriptors are not there. */
  descriptors: number
  /** Hears of each connection that is closed without an answer, and why. */
  onRefused?: (reason: Refusal) => void
}

type Admitted = Connection<Socket>

/** One that takes longer waits for the other side and costs us nothing: it must not keep others from theirs. */
const patienceMs = 500
/** A ClientHello is one record, and nothing else comes before our answer. */
const maxHelloBytes = 17 * 1024

/**
 * Counts connections, and lets `handshakes` of a TLS server go on at a time. A handshake costs a millisecond, and after
 * a restart a whole fleet comes at once: whoever is connected must not wait for all of them. A connection waits for
 * its handshake from its first byte on, by turns of the sources, and whoever sends none in time is closed.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { limits, onRefused = () => {} } = options
  const max = maxConnections(limits.connections, options.descriptors)
  const connections = createConnections<Socket>(max, () => onRefused('too_many'))
  const waiting = createFairQueue<Admitted>(limits.handshake_queue)
  const running = new Map<Admitted, NodeJS.Timeout>()
  const starts = new WeakMap<Admitted, () => void>()
  /** By the ends of a connection: a TLS socket does not say what it was made of. */
  const byEnds = new Map<string, Admitted>()
  const bySocket = new WeakMap<Socket, Admitted>()

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

  /** Calls `start` when it is its turn. */
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
    socket.once('close', () => {
      connections.remove(connection)
      if (byEnds.get(ends) === connection) byEnds.delete(ends)
      done(connection)
    })
    return connection
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
      const [open] = server.listeners('connection') as ((socket: Socket) => void)[] // the server's own
      if (!open) return
      server.removeListener('connection', open)
      // In its place: others take a connection for one that the server has seen.
      server.prependListener('connection', (socket: Socket) => {
        const connection = admit(socket)
        if (!connection) return
        if (protocol === 'plain') open.call(server, socket)
        else awaitHello(connection, () => open.call(server, socket))
      })
      server.on('secureConnection', (socket: TLSSocket) => {
        const connection = byEnds.get(endsOf(socket))
        if (connection) bySocket.set(socket, connection)
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
  }
}

/** A tenth is left for files, the database and the operators' socket. */
export function maxConnections(limit: number, descriptors: number): number {
  return Math.max(1, Math.min(limit, Math.floor(descriptors * 0.9) - 64))
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

/** Whoever hangs up while it waits is no error of ours. */
function ignore(): void {}
