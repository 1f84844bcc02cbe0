import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort, type TestPostgres } from '@plexd/runtime/testing'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { openDatabaseWay, openWay, type Way } from './way.ts'

/** One of several control planes on a database, which is started again whenever it has ended, as by systemd. */
export interface Replica extends AsyncDisposable {
  readonly name: string
  readonly plane: ControlPlaneProcess
  /** To the server of the database. */
  readonly database: Way
  /** By which the others pass connections on to it. */
  readonly link: Way
  pid(): number
  signal(signal: NodeJS.Signals): void
  /** Ends it in order, and starts that file in its place; that of now when left out. */
  replace(file: string | undefined): Promise<void>
  log(): Promise<string>
}

export interface ReplicaOptions {
  name: string
  server: TestPostgres
  /** By the socket of the server. */
  databaseUrl: string
  args: readonly string[]
  /** A single file or starter, instead of the program in the sources. */
  file?: string | undefined
}

/** As in the unit of the package. */
const restartMs = 2_000

export async function startReplica(
  folder: string,
  { name, server, databaseUrl, args, file }: ReplicaOptions,
): Promise<Replica> {
  await using stack = new AsyncDisposableStack()
  const place = join(folder, name)
  await mkdir(place)
  const serverFolder = server.folder
  const database = stack.use(await openDatabaseWay(place, { serverFolder, url: databaseUrl }))
  const [port, linkPort] = [await freePort(), await freePort()]
  const link = stack.use(await openWay(linkPort, { host: '127.0.0.1', port }))
  const options = {
    listen: `127.0.0.1:${port}`,
    args: ['--database-url', database.url, '--advertise', `127.0.0.1:${linkPort}`, ...args],
  }

  const start = (file: string | undefined): Promise<ControlPlaneProcess> =>
    startControlPlaneProcess(place, { ...options, ...(file === undefined ? {} : { file }) })
  let plane = await start(file)
  stack.defer(() => plane.end())
  let keeping = keep()

  function keep(): AsyncDisposable {
    const over = new AbortController()
    const kept = (async () => {
      while (!over.signal.aborted) {
        const { child } = plane.program()
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
        await delay(restartMs, undefined, { signal: over.signal }).catch(() => {})
        // One that cannot start, as where its database is away, is tried again.
        if (!over.signal.aborted) await plane.start().catch(() => {})
      }
    })()
    return {
      async [Symbol.asyncDispose]() {
        over.abort()
        await plane.end()
        await kept
      },
    }
  }
  stack.defer(() => keeping[Symbol.asyncDispose]())
  const opened = stack.move()
  return {
    name,
    get plane() {
      return plane
    },
    database,
    link,
    pid: () => plane.program().pid,
    signal: (signal) => void plane.program().child.kill(signal),
    async replace(next) {
      await keeping[Symbol.asyncDispose]()
      plane = await start(next)
      keeping = keep()
    },
    log: () => plane.program().log(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
