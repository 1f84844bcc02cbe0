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
import type { AgentConfig } from '../../config/agent-config.ts'
import { type Addresses, createAddresses } from '../../control/client/addresses.ts'
import { type ClockSkew, createClockSkew } from '../../control/client/clock-skew.ts'
import { createProblems, type Problems } from '../../health/problems.ts'
import { watchTools } from '../../health/tool-watch.ts'
import { createVitals, type Vitals } from '../../health/vitals.ts'
import type { MeshSource } from '../../mesh/node-mesh.ts'
import { createReconcileRequests, type ReconcileRequests } from '../../reconcile/requests.ts'
import { type HostKey, openHostKey } from '../../sessions/host-key.ts'
import { createServerStarter, type StartServer } from '../../sessions/server-process.ts'
import { type NodeActions, openActions } from './open-actions.ts'
import { openState, type State } from './open-state.ts'
import type { Reloads } from './status.ts'
import { storedView } from './stored-view.ts'
import { createShownView, type ShownView } from './view.ts'

export interface AgentDeps extends MeshSource {
  log: Log
  clock?: Clock
  env?: NodeJS.ProcessEnv
  /** The newest lines of the log, for the action that shows them. */
  kept?: Pick<KeptLines, 'list'>
  /** Called once programs of this machine are answered, or would be if they were served. */
  onServing?: (status: ShownView['status']) => void
  /** Stores the settings that reached the control plane; called after it has answered. */
  remember?: () => Promise<void>
  /** Reads the settings again, for a reload. Rejects if they are not valid. */
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
export interface Core extends State, NodeActions {
  readonly config: AgentConfig
  /** A unique id of this start. */
  readonly instance: string
  readonly clock: Clock
  readonly log: Log
  /** Of the control plane, and which of them is in use. */
  readonly addresses: Addresses
  /** For the control plane's name; other names use the system's resolver. */
  readonly names: NameCache
  readonly requests: ReconcileRequests
  /** Without one there are no sessions. */
  readonly hostKey: HostKey | undefined
  readonly startServer: StartServer
  readonly problems: Problems
  readonly vitals: Vitals
  /** What the last reload of the settings has left to do. */
  readonly reloads: Reloads
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
  const reloads: Reloads = { needsRestart: [] }
  const addresses = createAddresses(config, clock)
  const told = {
    ...state,
    config,
    addresses,
    env,
    problems,
    vitals,
    reloads,
    skew,
    clock,
    isStopping,
  }
  const startedMs = clock.monotonic()
  const hasMesh = deps.openMesh !== undefined || deps.device !== undefined
  const shown = createShownView(storedView({ ...told, startedMs }, hasMesh))
  const keptLog = deps.kept?.list ?? (() => [])
  const opened = await openActions({ ...told, shown, keptLog, log }, stack)
  return {
    ...told,
    instance: crypto.randomUUID(),
    log,
    names: createNameCache(),
    requests,
    ...opened,
    startServer: deps.startServer ?? createServerStarter(clock),
    hostKey: await openHostKeyIn(config.dataDir, { problems, disk: state.disk, log }),
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
