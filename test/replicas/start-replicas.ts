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
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import type { openPostgres } from '../support/open-postgres.ts'

export interface Replica {
  process: ControlPlaneProcess
  /** Calls this one with the token of the first operator. */
  admin: Client<AdminApi>
  nodes: Client<ControlApi>
}

/** Each at a port of its own, with settings of its own, on a new database; the first one serves. */
export async function startReplicas(
  server: ReturnType<typeof openPostgres>,
  count: 2 | 3,
  own: readonly (readonly string[])[] = [],
) {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(server.home, 'replicas-'))
  const args = ['--database-url', server.createDatabase()]
  const replicas: Replica[] = []
  for (let at = 0; at < count; at++) {
    const place = join(home, `${at}`)
    await mkdir(place)
    const [first] = replicas
    const key = first ? ['--master-key-file', join(first.process.dataDir, 'master.key')] : []
    const process = stack.use(
      await startControlPlaneProcess(place, { args: [...args, ...key, ...(own[at] ?? [])] }),
    )
    const { caFile, adminTokenFile } = first?.process ?? process
    const token = (await readFile(adminTokenFile, 'utf8')).trim()
    const transport = stack.use(
      createHttpTransport({ baseUrl: process.url, caFile, userAgent: 'plexd-test' }),
    )
    replicas.push({
      process,
      admin: createClient(adminApi, transport, () => token),
      nodes: createClient(controlApi, transport),
    })
  }
  const opened = stack.move()
  return {
    // As many as were asked for.
    replicas: replicas as unknown as [Replica, Replica, Replica],
    place: home,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
