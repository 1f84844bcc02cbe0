import { createServer, type Server } from 'node:net'

/** Listeners that hand what they accept to a server which has a listener of its own, and can have no other. */
export interface Fronts {
  make(): Server
  /** All others take no more connections; those that they have go on. Without a front, none does. */
  keepOnly(front?: Server): void
  /** One that could not be used. */
  drop(front: Server): void
  /** Resolves when no connection of any is left. */
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
      // As an HTTP server accepts: who has sent all may still wait for the answer.
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
