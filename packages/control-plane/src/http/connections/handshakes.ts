import type { Socket } from 'node:net'
import type { Limits } from '../../limits.ts'
import type { Connection } from './connections.ts'
import { createFairQueue } from './fair-queue.ts'
import { helloWants } from './hello.ts'

type Admitted = Connection<Socket>

/** Connections on which TLS has yet to begin, and those on which it has. */
export interface Handshakes {
  /** Calls `start` when a slot is free, once the ClientHello is whole. */
  queue(connection: Admitted, start: () => void): void
  /** Frees the slot that it may have. */
  done(connection: Admitted | undefined): void
}

/** A handshake that takes longer is waiting for the client and costs us nothing, so it must not hold a slot. */
const patienceMs = 500
/** A ClientHello is one record, and nothing else arrives before our answer. */
const maxHelloBytes = 17 * 1024

/**
 * Lets `limits.handshakes` go on at a time, round robin by source. `refuse` closes a connection that does not say it in time, or that has to go as too
 * many wait.
 */
export function createHandshakes(
  limits: Pick<Limits, 'handshakes' | 'handshake_queue' | 'silent_connection_ms'>,
  refuse: (connection: Admitted, reason: 'silent' | 'crowded') => void,
): Handshakes {
  const waiting = createFairQueue<Admitted>(limits.handshake_queue)
  const running = new Map<Admitted, NodeJS.Timeout>()
  const starts = new WeakMap<Admitted, () => void>()

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

  function join(connection: Admitted): void {
    const loser = waiting.add(connection.source, connection)
    if (loser) refuse(loser, 'crowded')
    next()
  }

  return {
    queue(connection, start) {
      const { socket } = connection
      const silence = setTimeout(() => refuse(connection, 'silent'), limits.silent_connection_ms)
      let hello: Buffer = Buffer.alloc(0)
      let isWaiting = false
      const look = (): void => {
        const { readableLength } = socket
        if (readableLength === 0 || hello.length + readableLength > maxHelloBytes) socket.destroy()
        if (socket.destroyed || isWaiting) return
        hello = readHello(socket, hello)
        // Half of one waits for no slot: TLS could do nothing with it but hold it.
        if (helloWants(hello) > 0) return
        isWaiting = true
        clearTimeout(silence)
        join(connection)
      }
      starts.set(connection, () => {
        socket.off('readable', look).off('error', ignore)
        socket.unshift(hello)
        start()
      })
      socket.on('readable', look).on('error', ignore)
      socket.once('close', () => clearTimeout(silence))
      // What came together with a header is announced no more.
      if (socket.readableLength > 0) look()
    },
    done,
  }
}

/** What is known of it, and what of the rest has come; never more than it wants. */
function readHello(socket: Socket, known: Buffer): Buffer {
  let hello = known
  for (let more = helloWants(hello); more > 0; more = helloWants(hello)) {
    const bytes: Buffer | null = socket.read(Math.min(more, socket.readableLength))
    if (bytes === null) break
    hello = Buffer.concat([hello, bytes])
  }
  return hello
}

/** A client that disconnects while waiting is not an error. */
function ignore(): void {}
