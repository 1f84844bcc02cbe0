import { once } from 'node:events'
import net from 'node:net'
import { CliError, describeError } from '@plexd/runtime'
import type { Client, ClientChannel } from 'ssh2'
import { type Forward, targetOf } from './target.ts'

export interface Listener extends Disposable {
  port: number
}

/** Listens for programs of this machine, and takes each connection to the target by the node. `onFault` hears of those that the node refuses. */
export async function listenFor(
  client: Client,
  forward: Forward,
  onFault: (text: string) => void,
): Promise<Listener> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    carry(client, { socket, forward, onFault })
  })
  server.listen(forward.localPort, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new CliError(`listen on 127.0.0.1:${forward.localPort}: ${reasonOf(error)}`)
  }
  server.on('error', (error) => onFault(`accept a connection: ${reasonOf(error)}`)) // as by a lack of descriptors
  return {
    port: (server.address() as net.AddressInfo).port, // of a TCP server
    [Symbol.dispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function carry(
  client: Client,
  {
    socket,
    forward,
    onFault,
  }: { socket: net.Socket; forward: Forward; onFault(text: string): void },
): void {
  const host = forward.host.replace(/^\[|\]$/g, '')
  const { remoteAddress = '127.0.0.1', remotePort = 0 } = socket
  const refuse = (error: unknown): void => {
    socket.resetAndDestroy()
    onFault(`connect to ${targetOf(forward)}: ${describeError(error)}`)
  }
  socket.on('error', () => socket.destroy())
  try {
    client.forwardOut(remoteAddress, remotePort, host, forward.port, (error, channel) =>
      error ? refuse(error) : join(socket, channel),
    )
  } catch (error) {
    // The connection to the node is ending, and we have not heard of it yet.
    refuse(error)
  }
}

/** Each way ends by itself: many protocols answer after the request has ended. */
function join(socket: net.Socket, channel: ClientChannel): void {
  socket.pipe(channel).pipe(socket)
  socket.on('close', () => channel.close())
  channel.on('error', () => socket.destroy())
  channel.on('close', () => socket.destroySoon())
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException // of a server that does not listen
  if (code === 'EADDRINUSE')
    return 'another program listens there: use LOCALPORT:PORT for another port'
  if (code === 'EACCES')
    return 'this user may not listen there: use LOCALPORT:PORT with a port from 1024'
  return describeError(error)
}
