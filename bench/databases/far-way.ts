import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSocketPairs } from '@plexd/runtime/testing'

/** Named by PostgreSQL, with the port. */
const socketName = '.s.PGSQL.5432'

/** The same database as if it were further away: whatever is said takes that many milliseconds more, either way. */
export async function openFarWay(
  serverFolder: string,
  { url, delayMs }: { url: string; delayMs: number },
): Promise<{ url: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-far-way-'))
  const pairs = createSocketPairs()
  const server = createServer((near) => {
    const far = connect(join(serverFolder, socketName))
    pairs.join(near, far)
    passLater(near, far, delayMs)
    passLater(far, near, delayMs)
  })
  server.listen(join(folder, socketName))
  await once(server, 'listening')
  const way = new URL(url)
  way.searchParams.set('host', folder)
  return {
    url: way.href,
    async [Symbol.asyncDispose]() {
      pairs[Symbol.dispose]()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Timers of the same length end in the order in which they began. */
function passLater(from: Socket, to: Socket, ms: number): void {
  from.on('data', (bytes) => void setTimeout(() => to.write(bytes), ms))
}
