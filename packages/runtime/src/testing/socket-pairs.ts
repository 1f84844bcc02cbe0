import type { Socket } from 'node:net'

/** The two sides of each connection that something in between passes on. */
export interface SocketPairs extends Disposable {
  /** From now on each ends with the other, whatever ends it. */
  join(near: Socket, far: Socket): void
}

/** Disposing cuts all of them. */
export function createSocketPairs(): SocketPairs {
  const sockets = new Set<Socket>()

  function follow(socket: Socket, other: Socket): void {
    sockets.add(socket)
    socket
      .on('error', () => {}) // it closes
      .on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
  }

  return {
    join(near, far) {
      follow(near, far)
      follow(far, near)
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
