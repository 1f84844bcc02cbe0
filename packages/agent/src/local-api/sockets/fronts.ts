import { createServer, type Server } from 'node:net'

/** Additional listeners that pass their connections to a server, because a server listens only once. */
export interface Fronts {
  make(): Server
  /** The others accept no more connections; their open ones continue. Without an argument, that is all of them. */
  keepOnly(front?: Server): void
  /** Closes a listener that could not be used. */
  drop(front: Server): void
  /** Closes all; resolves when their last connection has ended. */
  close(): Promise<void>
}

export function createFronts(server: Server): Fronts {
  const closings = new Map<Server, Promise<void> | undefined>()

  async function close(front: Server): Promise<void> {
    const closing = closings.get(front) ?? new Promise((resolve) => front.close(() => resolve()))
    closings.set(front, closing)
    await closing
    closings.delete(front)
  }

  return {
    make() {
      // Like an HTTP server: a client that has sent everything may still wait for the answer.
      const front = createServer({ allowHalfOpen: true }, (socket) => {
        server.emit('connection', socket)
      })
      closings.set(front, undefined)
      return front
    },
    keepOnly(front) {
      for (const other of closings.keys()) if (other !== front) void close(other)
    },
    drop: (front) => void close(front),
    async close() {
      await Promise.all([...closings.keys()].map(close))
    },
  }
}
