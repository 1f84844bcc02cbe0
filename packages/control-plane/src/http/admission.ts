import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** One that takes longer waits for the other side and costs us nothing: it must not keep others from theirs. */
const patienceMs = 500

/**
 * Lets `maxHandshakes` of a TLS server go on at a time; further connections wait, in the order they came. A handshake
 * costs a millisecond, and after a restart a whole fleet comes at once: whoever is connected must not wait for all of
 * them. To be called before it listens.
 */
export function paceHandshakes(server: Server, maxHandshakes: number): void {
  const [wrap] = server.listeners('connection') as ((socket: Socket) => void)[] // the one that a TLS server makes itself
  if (!wrap) return
  const waiting: Socket[] = []
  const running = new Map<Socket, NodeJS.Timeout>()

  function next(): void {
    while (running.size < maxHandshakes) {
      const socket = waiting.shift()
      if (!socket) return
      socket.off('error', ignore)
      if (socket.destroyed) continue
      running.set(
        socket,
        setTimeout(() => done(socket), patienceMs),
      )
      wrap?.call(server, socket)
    }
  }

  function done(socket: Socket): void {
    clearTimeout(running.get(socket))
    if (running.delete(socket)) next()
  }

  /** Found by its port: a TLS socket does not say what it was made of. */
  function finished({ remoteAddress, remotePort }: TLSSocket): void {
    const socket = running
      .keys()
      .find((own) => own.remotePort === remotePort && own.remoteAddress === remoteAddress)
    if (socket) done(socket)
  }

  server.removeListener('connection', wrap)
  server.on('connection', (socket: Socket) => {
    socket.on('error', ignore)
    waiting.push(socket)
    next()
  })
  server.on('secureConnection', finished)
  server.on('tlsClientError', (_error, socket: TLSSocket) => finished(socket))
}

/** Whoever hangs up while it waits is no error of ours. */
function ignore(): void {}
