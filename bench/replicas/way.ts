import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { join } from 'node:path'
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

/** From a port of 127.0.0.1 or the path of a socket. `delayMs`: what is said takes so much longer, either way. */
export async function openWay(
  from: number | string,
  to: NetConnectOpts,
  { delayMs = 0 } = {},
): Promise<Way> {
  const pairs = createSocketPairs()
  const open = new Set<Socket>()
  let isHeld = false

  // Timers of the same length end in the order in which they began.
  const say = (to: Socket, bytes: string | Buffer): void =>
    delayMs === 0 ? void to.write(bytes) : void setTimeout(() => to.write(bytes), delayMs)

  function pass(one: Socket, other: Socket): void {
    open.add(one)
    one.on('data', (bytes) => say(other, bytes)).on('close', () => open.delete(one))
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

/** Named by PostgreSQL, with the port. */
const socketName = '.s.PGSQL.5432'

/** The database at that URL, whose server has its socket in `serverFolder`, by a way with its own in `folder`. */
export async function openDatabaseWay(
  folder: string,
  { serverFolder, url, delayMs }: { serverFolder: string; url: string; delayMs?: number },
): Promise<Way & { readonly url: string }> {
  const to = { path: join(serverFolder, socketName) }
  const way = await openWay(join(folder, socketName), to, delayMs === undefined ? {} : { delayMs })
  const place = new URL(url)
  place.searchParams.set('host', folder)
  return { ...way, url: place.href }
}
