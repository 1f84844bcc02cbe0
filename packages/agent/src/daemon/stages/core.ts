import type { DatabaseSync } from 'node:sqlite'
import { ApiError } from '@plexd/protocol'
import {
  type Clock,
  createNameCache,
  describeError,
  handOver,
  type KeptLines,
  type Log,
  type LogLevel,
  type NameCache,
  systemClock,
} from '@plexd/runtime'
import { builtinActions } from '../../actions/builtin/index.ts'
import { createActionCatalog, type OpenCatalog } from '../../actions/catalog.ts'
import { createLogReader } from '../../actions/log-reader.ts'
import type { AgentConfig } from '../../config/agent-config.ts'
import { type Containment, openContainment } from '../../contain/containment.ts'
import { type ClockSkew, createClockSkew } from '../../control/clock-skew.ts'
import { watchDataDir } from '../../disk/data-dir-watch.ts'
import { keepOnDisk, openDatabase } from '../../disk/database.ts'
import { type Disk, watchDisk } from '../../disk/disk.ts'
import { createProblems, type Problems } from '../../health/problems.ts'
import { watchTools } from '../../health/tool-watch.ts'
import { createVitals, type Vitals } from '../../health/vitals.ts'
import type { Hooks } from '../../hooks/hooks.ts'
import { createViolations } from '../../hooks/violations.ts'
import { knownSecrets } from '../../identity/known-secrets.ts'
import { describePolicies, refuseNetwork, whyNoMesh } from '../../mesh/mesh-status.ts'
import type { MeshSource } from '../../mesh/node-mesh.ts'
import { createReconcileRequests, type ReconcileRequests } from '../../reconcile/requests.ts'
import { SessionRefusal } from '../../sessions/authorisation/refusal.ts'
import { type HostKey, openHostKey } from '../../sessions/host-key.ts'
import { createServerStarter, type StartServer } from '../../sessions/server-process.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import { openDesiredStore } from '../../state/desired-store.ts'
import { describeLeftOut } from '../../state/left-out.ts'
import { openReportStore, type ReportStore } from '../../state/report-store.ts'
import { describeSelf, notSingleFile } from '../../upgrade/self.ts'
import { openVersionStore, type VersionStore } from '../../upgrade/version-store.ts'
import { describePeers } from '../../wireguard/peers/peer-status.ts'
import { openHooks } from './open-hooks.ts'
import { openSendQueues, type SendQueues } from './open-queues.ts'
import { describeStatus } from './status.ts'
import { createShownView, type ShownView, type View } from './view.ts'

export interface AgentDeps extends MeshSource {
  log: Log
  clock?: Clock
  env?: NodeJS.ProcessEnv
  /** The newest lines of the log, for the action that shows them. */
  kept?: Pick<KeptLines, 'list'>
  /** Stores the settings that reached the control plane; called after it has answered. */
  remember?: () => Promise<void>
  /** Reads the settings again, for the action that reloads them. Rejects if they are not valid. */
  readSettings?: () => Promise<AgentConfig>
  setLogLevel?: (level: LogLevel) => void
  /** Ends the daemon in order and starts it again, soon after. */
  restart?: () => void
  /** How the session server is started; by default our own program. */
  startServer?: StartServer
  /** Aborted when the daemon is to end: an enrolment that is still retrying ends, and the status says so. */
  signal?: AbortSignal
}

/** The first stage of a daemon, everything that needs no identity: the files on disk, and the problems. */
export interface Core {
  readonly config: AgentConfig
  /** A unique id of this start. */
  readonly instance: string
  readonly clock: Clock
  readonly log: Log
  /** For the control plane's name; other names use the system's resolver. */
  readonly names: NameCache
  readonly disk: Disk
  readonly database: DatabaseSync
  readonly desired: DesiredStore
  readonly reports: ReportStore
  readonly versions: VersionStore
  readonly queues: SendQueues
  readonly requests: ReconcileRequests
  readonly actions: OpenCatalog
  /** Runs the programs of actions. */
  readonly containment: Containment
  readonly hooks: Hooks
  /** Without one there are no sessions. */
  readonly hostKey: HostKey | undefined
  readonly startServer: StartServer
  readonly problems: Problems
  readonly vitals: Vitals
  readonly skew: ClockSkew
  /** The newest lines of our log. */
  readonly keptLog: KeptLines['list']
  readonly startedMs: number
  /** Whether it was told to end, and waits for what still runs. */
  isStopping(): boolean
  /** The view of the stage that has been reached. */
  readonly shown: ShownView
}

/** Rejects with a CliError if the data dir is unusable. */
export async function openCore(
  config: AgentConfig,
  deps: AgentDeps,
): Promise<Core & AsyncDisposable> {
  const { log, clock = systemClock } = deps
  await using stack = new AsyncDisposableStack()
  const problems = createProblems()
  const requests = stack.use(createReconcileRequests(clock))
  const state = await openState(config, { problems, requests, clock, log }, stack)
  if (deps.openMesh) stack.use(watchTools({ config, problems, clock }))
  const skew = createClockSkew({ clock, log, problems })
  const { env = process.env } = deps
  const isStopping = (): boolean => deps.signal?.aborted === true
  const vitals = createVitals()
  const told = { ...state, config, env, problems, vitals, skew, clock, isStopping }
  const startedMs = clock.monotonic()
  const hasMesh = deps.openMesh !== undefined || deps.device !== undefined
  const shown = createShownView(viewOf({ ...told, startedMs }, hasMesh))
  const { desired } = state
  const { dataDir } = config
  const keptLog = deps.kept?.list ?? (() => [])
  const containment = stack.use(await openContainment({ dataDir, clock, log }))
  const actions = createActionCatalog()
  actions.replace(
    'builtin',
    builtinActions({
      ...shown,
      config,
      clock,
      desired: desired.current,
      cannotUpgrade: describeSelf(state.versions.folder).isSingleFile ? undefined : notSingleFile,
      readLog: createLogReader({ kept: keptLog }),
    }),
  )
  const violations = createViolations(state.queues.violations, { clock, log })
  const hooks = stack.use(
    await openHooks({
      ...told,
      actions,
      violations,
      containment,
      nodeId: () => shown.status().node_id,
      log,
    }),
  )
  return {
    ...told,
    instance: crypto.randomUUID(),
    log,
    names: createNameCache(),
    requests,
    actions,
    containment,
    hooks,
    startServer: deps.startServer ?? createServerStarter(clock),
    hostKey: await openHostKeyIn(dataDir, { problems, disk: state.disk, log }),
    keptLog,
    startedMs,
    shown,
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** A damaged one costs the sessions, and nothing else. */
async function openHostKeyIn(
  dataDir: string,
  { problems, disk, log }: Pick<Core, 'problems' | 'disk' | 'log'>,
): Promise<HostKey | undefined> {
  try {
    return await openHostKey(dataDir)
  } catch (error) {
    disk.failed(error)
    const reason = `no session can be opened on this node: ${describeError(error)}`
    problems.set('sessions', reason)
    log.error('no session can be opened', { error: describeError(error) })
    return undefined
  }
}

type State = Pick<Core, 'disk' | 'database' | 'desired' | 'reports' | 'queues' | 'versions'>

/** Opens the data dir. If the disk is full, data is kept in memory until there is space: a disk may fill up and recover at any time. */
async function openState(
  config: AgentConfig,
  { problems, requests, clock, log }: Pick<Core, 'problems' | 'requests' | 'clock' | 'log'>,
  stack: AsyncDisposableStack,
): Promise<State> {
  const { dataDir } = config
  const disk = stack.use(watchDisk({ dataDir, problems, clock, log }))
  const onFailure = disk.failed
  const database = stack.adopt(openDatabase(dataDir, log, onFailure), (open) => open.close())
  disk.onRoom(() => {
    try {
      keepOnDisk(database)
    } catch (error) {
      log.warn('database is still in memory alone', { error: describeError(error) })
    }
  })
  disk.look()
  stack.use(watchDataDir({ dataDir, problems, clock }))
  const desired = stack.use(await openDesiredStore({ dataDir, log, onFailure }))
  disk.onRoom(() => {
    // Notifies those who wait for the disk to recover.
    desired.replace(desired.current()).catch(() => {})
    requests.ask()
  })
  const reports = stack.use(await openReportStore({ ...config, clock, log, onFailure }))
  const queues = await openSendQueues({ config, database, disk, problems, log }, stack)
  stack.defer(showLeftOut(desired, problems))
  return { disk, database, desired, reports, queues, versions: openVersionStore(dataDir, log) }
}

/** Left-out parts of the state are a problem for as long as the state contains them. */
function showLeftOut(desired: DesiredStore, problems: Problems): () => void {
  const show = (): void =>
    problems.set('left_out', describeLeftOut(desired.current().left_out) || undefined)
  show()
  return desired.onChange(show)
}

type Told = { env: NodeJS.ProcessEnv } & Pick<
  Core,
  | 'config'
  | 'desired'
  | 'reports'
  | 'versions'
  | 'queues'
  | 'problems'
  | 'vitals'
  | 'skew'
  | 'clock'
  | 'startedMs'
  | 'isStopping'
>

/** The view of this stage: what is stored, with nothing of it in force. */
function viewOf(told: Told, hasMesh: boolean): View {
  const { config, desired, clock } = told
  const disabledBecause = hasMesh ? undefined : whyNoMesh(config)
  const interfaceName = config.meshInterface
  return {
    status: () =>
      describeStatus({
        ...told,
        mesh: { interfaceName, backend: 'none', disabledBecause, ranges: [] },
      }),
    peers: async () =>
      describePeers(desired.current().peers, [], {
        nowSeconds: clock.now() / 1_000,
        natType: 'unknown',
      }),
    policies: async () =>
      describePolicies(told, {
        isFiltered: hasMesh && config.policyEnabled,
        disabledBecause,
        self: [],
        meshIpOf: () => undefined,
        counters: new Map(),
      }),
    network: async () => refuseNetwork({ disabledBecause, isLookedFor: config.natEnabled }),
    async fetchSecret() {
      throw new ApiError('unavailable', 'the node is not registered yet')
    },
    nsk: () => '',
    async runAction() {
      throw new ApiError('unavailable', 'the node is not registered yet')
    },
    async metricsText() {
      throw new ApiError('unavailable', 'metrics are measured once the node is registered')
    },
    async takeMetrics() {
      throw new ApiError('unavailable', 'metrics are taken once the node is registered')
    },
    async openPing() {
      throw new Error(`no interface "${interfaceName}" is up`)
    },
    async reconnect() {
      throw new Error('the node is not registered yet')
    },
    async reload() {
      throw new Error('the daemon is still starting')
    },
    restart() {
      throw new Error('the daemon is still starting')
    },
    sessions: () => ({
      items: [],
      max_sessions: config.maxSessions,
      reason: 'the daemon is still starting',
    }),
    async admitSession() {
      throw new SessionRefusal('no session is open: the daemon is still starting')
    },
    secrets: () => knownSecrets({ config, peers: desired.current().peers, env: told.env }),
    async upgrade() {
      throw new Error('the node is not registered yet')
    },
  }
}
