import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { createSocketPairs } from '@plexd/runtime/testing'

/** What lies between two programs: it passes bytes on, until it is told otherwise. */
export interface Way extends AsyncDisposable {
  /** Each connection ends at once, on both sides. */
  cut(): void
  /** From now on nothing passes and nobody is told, as where packets are dropped. */
  hold(): void
  /** What was held passes, late. */
  release(): void
}

/** From a port of 127.0.0.1 or the path of a socket. */
export async function openWay(from: number | string, to: NetConnectOpts): Promise<Way> {
  const pairs = createSocketPairs()
  const open = new Set<Socket>()
  let isHeld = false

  function pass(one: Socket, other: Socket): void {
    open.add(one)
    one.on('data', (bytes) => void other.write(bytes)).on('close', () => open.delete(one))
    if (isHeld) one.pause()
  }

  const server = createServer((near) => {
    const far = connect(to)
    pairs.join(near, far)
    pass(near, far)
    pass(far, near)
  })
  if (typeof from === 'number') server.listen(from, '127.0.0.1')
  else server.listen(from)
  await once(server, 'listening')

  return {
    cut: () => pairs[Symbol.dispose](),
    hold() {
      isHeld = true
      for (const socket of open) socket.pause()
    },
    release() {
      isHeld = false
      for (const socket of open) socket.resume()
    },
    async [Symbol.asyncDispose]() {
      pairs[Symbol.dispose]()
      server.close()
    },
  }
}
