import { realpath } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { undefinedIfMissing } from '@plexd/runtime'

/** A place that a sandbox of namespaces sees otherwise than a file system that it only reads. */
export interface SandboxMount {
  path: string
  kind: 'devices' | 'processes' | 'empty' | 'readable' | 'writable'
}

/** Where there are sockets of services, which a read-only file system does not close, and files of others. */
const masked = ['/tmp', '/var/tmp', '/run']

/** Names are looked up by these files. */
const resolvers = ['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager']

/** What a container sees beside its image, in the order in which it is mounted. Rejects as `findMounts` does. */
export async function findContainerMounts(
  { writable }: { writable: readonly string[] },
  dataDir: string,
): Promise<SandboxMount[]> {
  const [own = dataDir] = await realPaths([dataDir])
  const written = await Promise.all(
    writable.map(async (path) => ({ path: resolve(path), real: await writablePath(path, own) })),
  )
  const hidden = written.flatMap(({ path, real }) =>
    isInside(own, real) ? [join(path, relative(real, own))] : [],
  )
  const mounts = [
    ...mountsOf(
      'writable',
      written.map(({ path }) => path),
    ),
    ...mountsOf('empty', hidden),
  ]
  return inOrder(mounts)
}

function isInside(path: string, folder: string): boolean {
  return !/^\.\.(\/|$)/.test(relative(folder, path))
}

/** In the order in which they are mounted. Rejects if it may write what is not there, or the data dir. */
export async function findMounts(
  { network, writable }: { network: boolean; writable: readonly string[] },
  dataDir: string,
): Promise<SandboxMount[]> {
  const [own = dataDir] = await realPaths([dataDir])
  const written = await Promise.all(writable.map((path) => writablePath(path, own)))
  return inOrder([
    { path: '/dev', kind: 'devices' },
    { path: '/proc', kind: 'processes' },
    ...mountsOf('empty', await realPaths(masked)),
    ...mountsOf('readable', network ? resolvers : []),
    ...mountsOf('writable', written),
    { path: own, kind: 'empty' },
  ])
}

/** A folder comes before what is in it, which it would cover; of two with one path the last is seen. Pure. */
function inOrder(mounts: readonly SandboxMount[]): SandboxMount[] {
  return mounts.toSorted((a, b) => a.path.length - b.path.length)
}

function mountsOf(kind: SandboxMount['kind'], paths: readonly string[]): SandboxMount[] {
  return paths.map((path) => ({ path, kind }))
}

/** Of those that are there. bubblewrap cannot mount on a symbolic link. */
async function realPaths(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => realpath(path).catch(undefinedIfMissing)))
  return found.filter((path) => path !== undefined)
}

async function writablePath(path: string, dataDir: string): Promise<string> {
  const [real] = await realPaths([path])
  if (real === undefined) throw new Error(`let it write "${path}": there is no such file or folder`)
  if (real === dataDir) throw new Error(`let it write "${path}": it is the data dir of plexd`)
  return real
}
