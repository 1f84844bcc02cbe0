import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AdminApi,
  adminApi,
  type Client,
  type ControlApi,
  controlApi,
  createClient,
} from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import {
  type ControlPlaneOptions,
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import type { openPostgres } from '../support/open-postgres.ts'

export interface Replica {
  process: ControlPlaneProcess
  /** Calls this one with the token of the first operator. */
  admin: Client<AdminApi>
  /** Calls it as a node; without a token, one that registers. */
  nodes(token?: string): Client<ControlApi>
}

/** Control planes on a new database, each with options of its own; the first one serves. */
export async function startReplicas(
  server: ReturnType<typeof openPostgres>,
  count: 2 | 3,
  own: readonly ControlPlaneOptions[] = [],
) {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(server.home, 'replicas-'))
  const database = server.createDatabase()
  const replicas: Replica[] = []
  for (let at = 0; at < count; at++) {
    const place = join(home, `${at}`)
    await mkdir(place)
    const [first] = replicas
    const key = first ? ['--master-key-file', join(first.process.dataDir, 'master.key')] : []
    const args = ['--database-url', database, ...key, ...(own[at]?.args ?? [])]
    const process = stack.use(await startControlPlaneProcess(place, { ...own[at], args }))
    const { caFile, adminTokenFile } = first?.process ?? process
    const token = (await readFile(adminTokenFile, 'utf8')).trim()
    const transport = stack.use(
      createHttpTransport({ baseUrl: process.url, caFile, userAgent: 'plexd-test' }),
    )
    replicas.push({
      process,
      admin: createClient(adminApi, transport, () => token),
      nodes: (token) => createClient(controlApi, transport, () => token),
    })
  }
  const opened = stack.move()
  return {
    // As many as were asked for.
    replicas: replicas as unknown as [Replica, Replica, Replica],
    ...{ place: home, database },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
