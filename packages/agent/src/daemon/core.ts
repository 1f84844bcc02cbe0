import type { DatabaseSync } from 'node:sqlite'
import type { DaemonStatus, SealedSecret } from '@plexd/protocol'
import {
  type Clock,
  createNameCache,
  describeError,
  handOver,
  type Log,
  type NameCache,
  systemClock,
} from '@plexd/runtime'
import type { Static } from 'typebox'
import { builtinActions } from '../actions/builtin/index.ts'
import type { Action } from '../actions/define.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { type ClockSkew, createClockSkew } from '../control/clock-skew.ts'
import { watchDataDir } from '../disk/data-dir-watch.ts'
import { keepOnDisk, openDatabase } from '../disk/database.ts'
import { type Disk, watchDisk } from '../disk/disk.ts'
import { createProblems, type Problems } from '../health/problems.ts'
import { watchTools } from '../health/tool-watch.ts'
import { createVitals, type Vitals } from '../health/vitals.ts'
import type { Identity, IdentityStore } from '../identity/identity.ts'
import { type CoreMesh, type MeshPlace, type OpenMesh, openCoreMesh } from '../mesh/core-mesh.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { openDesiredStore } from '../state/desired-store.ts'
import { describeLeftOut } from '../state/left-out.ts'
import { openReportStore, type ReportStore } from '../state/report-store.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { describeStatus, type StatusSources, type Waiting } from './status.ts'

export interface AgentDeps {
  log: Log
  clock?: Clock
  env?: NodeJS.ProcessEnv
  /** The mesh interface; where none is given nothing moves packets, and the status says so. */
  device?: WireguardDevice
  /** Opens all of the mesh instead, given what is known of this node's place in it by the time that it is needed. */
  openMesh?: (place: MeshPlace) => Promise<OpenMesh>
  /** Keeps what the control plane was reached by; called when it has answered. */
  remember?: () => Promise<void>
  /** Ends an enrolment that is still trying. */
  signal?: AbortSignal
}

/** All of a daemon that needs no control plane: what is on the disk, the interface, the state of things. */
export interface Core extends AsyncDisposable {
  readonly config: AgentConfig
  /** Of this start, as no other has it. */
  readonly instance: string
  readonly clock: Clock
  readonly log: Log
  /** That of the control plane: others are not asked of the system. */
  readonly names: NameCache
  readonly disk: Disk
  readonly database: DatabaseSync
  readonly desired: DesiredStore
  readonly reports: ReportStore
  readonly mesh: CoreMesh
  readonly actions: readonly Action[]
  readonly problems: Problems
  readonly vitals: Vitals
  readonly skew: ClockSkew
  readonly status: StatusSources
  describe(): Static<typeof DaemonStatus>
  /** Absent until the node is registered. */
  identity?: IdentityStore
  /** Absent until the control plane is spoken to. */
  loops?: ControlLoops
}

/** All that talks to the control plane for as long as the daemon runs. */
export interface ControlLoops extends AsyncDisposable {
  reconcile(): void
  /** A request has got through, after others did not. */
  wake(): void
  /** Brings a WireGuard key into force, and what the control plane says for it. */
  useKey(privateKey: string): Promise<void>
  fetchSecret(key: string, signal: AbortSignal): Promise<SealedSecret>
  waiting(): Waiting
}

/** Rejects with a CliError when the data dir cannot be used. */
export async function openCore(config: AgentConfig, deps: AgentDeps): Promise<Core> {
  const { log, clock = systemClock } = deps
  await using stack = new AsyncDisposableStack()
  const { dataDir } = config
  // Parts of it ask for it while it is being opened: it takes long, and the disk may fill and empty meanwhile.
  let core: Core | undefined
  const problems = createProblems()
  const onRoom = (): void => {
    try {
      keepOnDisk(database)
    } catch (error) {
      log.warn('database is still in memory alone', { error: describeError(error) })
    }
    // What of the state is in memory alone; who waits for the disk again is told by it.
    core?.desired.replace(core.desired.current()).catch(() => {})
    core?.loops?.reconcile()
  }
  const disk = stack.use(watchDisk({ dataDir, problems, clock, log, onRoom }))
  const onFailure = disk.failed
  const database = stack.adopt(openDatabase(dataDir, log, onFailure), (open) => open.close())
  disk.look()
  stack.use(watchDataDir({ dataDir, problems, clock }))
  const desired = stack.use(await openDesiredStore({ dataDir, log, onFailure }))
  const reports = stack.use(await openReportStore({ ...config, clock, log, onFailure }))
  stack.defer(showLeftOut(desired, problems))
  const vitals = createVitals()
  const skew = createClockSkew({ clock, log, problems })
  const names = createNameCache()
  const identity = (): Identity | undefined => core?.identity?.current()
  const mesh = stack.use(
    await openCoreMesh({
      ...deps,
      config,
      database,
      desired,
      identity,
      names,
      problems,
      clock,
      log,
    }),
  )
  if (deps.openMesh) stack.use(watchTools({ config, problems, clock }))
  const status: StatusSources = {
    config,
    identity,
    desired,
    device: mesh.device,
    routed: () => mesh.routing?.ranges() ?? [],
    reports,
    waiting: () => core?.loops?.waiting() ?? { results: 0, refusedReports: 0 },
    vitals,
    problems,
    skew,
    startedMs: clock.monotonic(),
    clock,
  }
  const describe = (): Static<typeof DaemonStatus> => describeStatus(status)
  core = {
    config,
    instance: crypto.randomUUID(),
    clock,
    log,
    names,
    disk,
    database,
    desired,
    reports,
    mesh,
    actions: builtinActions({ status: describe, peers: () => desired.current().peers }),
    problems,
    vitals,
    skew,
    status,
    describe,
    [Symbol.asyncDispose]: handOver(stack),
  }
  return core
}

/** What the node cannot take of its state is a problem for as long as the state has it. */
function showLeftOut(desired: DesiredStore, problems: Problems): () => void {
  const show = (): void => {
    const text = describeLeftOut(desired.current().left_out)
    if (text === '') problems.clear('left_out')
    else problems.set('left_out', text)
  }
  show()
  return desired.onChange(show)
}
