import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describeError, type Log } from '@plexd/runtime'
import type { ClientAcceptance } from './session-clients.ts'

export interface MeshPlace {
  ip: string
  port: number
}

interface MeshListener extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string
}

/** Clients who have not said who they are yet. */
const maxUnknown = 10

/** Listens for clients of the mesh; the packet filter decides who may connect. Rejects if the address cannot be had. */
async function listenInMesh(
  { ip, port }: MeshPlace,
  accept: ClientAcceptance,
  log: Log,
): Promise<MeshListener> {
  let unknown = 0
  const server = createServer({ noDelay: true }, (socket) => void take(socket))

  async function take(socket: Socket): Promise<void> {
    socket.on('error', () => {}) // it closes too
    if (unknown >= maxUnknown) return void socket.destroy()
    unknown++
    const from = socket.remoteAddress ?? ''
    try {
      await accept(socket, from)
    } catch (error) {
      log.info('client of a session refused', { from, why: describeError(error) })
    } finally {
      unknown--
    }
  }

  server.listen({ host: ip, port })
  await once(server, 'listening')
  // Afterwards: a client could not be accepted, as by a lack of descriptors.
  server.on('error', (error) => log.warn('client of a session not accepted', { error }))
  const bound = server.address()
  const boundPort = typeof bound === 'object' && bound ? bound.port : port
  return {
    address: ip.includes(':') ? `[${ip}]:${boundPort}` : `${ip}:${boundPort}`,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

/** Those of a node, one for each place. */
export interface MeshListeners {
  /** Listens there if nobody does; resolves to `host:port`. */
  open(place: MeshPlace): Promise<string>
  closeAll(): Promise<void>
}

export function createMeshListeners(accept: () => ClientAcceptance, log: Log): MeshListeners {
  const listeners = new Map<string, Promise<MeshListener>>()
  return {
    async open({ ip, port }) {
      const key = `${ip} ${port}`
      const listener = listeners.get(key) ?? listenInMesh({ ip, port }, accept(), log)
      listeners.set(key, listener)
      try {
        return (await listener).address
      } catch (error) {
        listeners.delete(key)
        throw new Error(`listen on ${ip}:${port}`, { cause: error })
      }
    },
    async closeAll() {
      const all = [...listeners.values()]
      listeners.clear()
      await Promise.allSettled(all.map(async (one) => (await one)[Symbol.asyncDispose]()))
    },
  }
}
