import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, type TestPostgres, until } from '@plexd/runtime/testing'
import { openPlane, type Plane, unlimited } from '../fleet/plane.ts'
import { type Balancer, balancerAddress, startBalancer } from './balancer.ts'
import { type Replica, startReplica } from './replica.ts'

/** Control planes on one database behind HAProxy, each by ways that can be cut. */
export interface Installation extends AsyncDisposable {
  /** By the balancer. */
  readonly plane: Plane
  readonly server: TestPostgres
  readonly databaseUrl: string
  readonly balancer: Balancer
  readonly replicas: readonly Replica[]
  /** Resolves once one serves and each of the others waits, to who does. */
  settled(): Promise<{ serving: Replica; waiting: readonly [Replica, ...Replica[]] }>
  /** Lines of their logs that have this text. */
  logged(text: string): Promise<string[]>
}

export interface InstallationOptions {
  /** At least two. */
  count: number
  args?: readonly string[]
  /** What each of them runs first; that of now when left out. */
  file?: string | undefined
}

const patienceMs = 120_000

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const server = stack.use(await startPostgres({ isDurable: true }))
  const databaseUrl = server.createDatabase()
  const replicas: Replica[] = []
  const usual = ['--log-level', 'warn', ...unlimited, '--proxy-protocol-from', balancerAddress]
  for (let at = 0; at < options.count; at++) {
    const [first] = replicas
    const key = first ? ['--master-key-file', join(first.plane.dataDir, 'master.key')] : []
    const args = [...usual, ...key, ...(options.args ?? [])]
    const { file } = options
    const own = { name: `cp${at}`, server, databaseUrl, args, file }
    replicas.push(stack.use(await startReplica(folder, own)))
  }
  const [first] = replicas
  if (!first) throw new Error('an installation has at least one control plane')
  const addresses = replicas.map(({ plane }) => new URL(plane.url).host)
  const balancer = stack.use(await startBalancer(folder, addresses))
  const { caFile, adminTokenFile: tokenFile } = first.plane
  const plane = stack.use(await openPlane({ given: { url: balancer.url, caFile, tokenFile } }))
  const opened = stack.move()

  const installation: Installation = {
    plane: { ...plane, query: (statement) => server.psql(databaseUrl, statement) },
    server,
    databaseUrl,
    balancer,
    replicas,
    settled: () =>
      until('one serves and the others wait', () => rolesOf(plane, replicas), patienceMs, 50),
    async logged(text) {
      const logs = await Promise.all(replicas.map((replica) => replica.log()))
      return logs.flatMap((log) => log.split('\n').filter((line) => line.includes(text)))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
  await installation.settled()
  return installation
}

/** Undefined while they do not all say so. */
async function rolesOf({ admin }: Plane, replicas: readonly Replica[]) {
  const answer = await admin.listControlPlanes({}).catch(() => undefined)
  const stateOf = (replica: Replica) =>
    answer?.body.items.find(({ pid }) => pid === replica.pid())?.state
  const serving = replicas.find((replica) => stateOf(replica) === 'serving')
  const [first, ...others] = replicas.filter((replica) => stateOf(replica) === 'waiting')
  if (!serving || !first || others.length < replicas.length - 2) return undefined
  return { serving, waiting: [first, ...others] as const }
}
