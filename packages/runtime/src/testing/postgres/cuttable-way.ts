import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSocketPairs } from '../socket-pairs.ts'

export interface CuttableWay extends AsyncDisposable {
  readonly url: string
  /** `before`: the server never hears of the commit. `after`: it commits, and nobody is told. */
  cutNext(when: 'before' | 'after'): void
}

/** Named by PostgreSQL, with the port. */
const socketName = '.s.PGSQL.5432'

/** The same database by a way that can be cut. */
export async function openCuttableWay(serverFolder: string, url: string): Promise<CuttableWay> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-postgres-way-'))
  let cut: 'before' | 'after' | undefined
  const pairs = createSocketPairs()
  const server = createServer((near) => {
    const far = connect(join(serverFolder, socketName))
    pairs.join(near, far)
    far.on('data', (bytes) => near.write(bytes))
    near.on('data', (bytes) => {
      const when = bytes.includes('commit\0') ? cut : undefined
      if (when) cut = undefined
      if (when === 'before') return near.destroy()
      if (when === 'after') far.removeAllListeners('data').once('data', () => near.destroy())
      return far.write(bytes)
    })
  })
  server.listen(join(folder, socketName))
  await once(server, 'listening')
  const way = new URL(url)
  way.searchParams.set('host', folder)
  return {
    url: way.href,
    cutNext(when) {
      cut = when
    },
    async [Symbol.asyncDispose]() {
      pairs[Symbol.dispose]()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
