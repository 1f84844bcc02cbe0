import type { Capabilities, Client, ControlApi, Peer, SigningKeys } from '@plexd/protocol'
import { handOver } from '@plexd/runtime'
import { createActionExecutor } from '../actions/executor.ts'
import type { AnswerGate } from '../control/answer-gate.ts'
import type { Credentials } from '../control/credentials.ts'
import { type EventStream, startEventStream } from '../control/event-stream.ts'
import { createEventVerifier } from '../control/event-verifier.ts'
import { startExecutionOutbox } from '../control/execution-outbox.ts'
import { describeFailure, LocalFailure } from '../control/failure.ts'
import { startHeartbeat } from '../control/heartbeat.ts'
import { startKeyRotation } from '../control/key-rotation.ts'
import { startReportOffer } from '../control/report-offer.ts'
import { startReportSync } from '../control/report-sync.ts'
import { createStreamConnector } from '../control/stream-connection.ts'
import { createStreamMemory } from '../control/stream-memory.ts'
import { createMark } from '../disk/mark.ts'
import { type EventTargets, handleEvent } from '../events/handlers.ts'
import { createStateChanges } from '../events/state-changes.ts'
import { startPauseWatch } from '../health/pause-watch.ts'
import type { IdentityStore } from '../identity/identity.ts'
import { followToldIdentity } from '../identity/told-identity.ts'
import { startMeshWatch } from '../mesh/mesh-watch.ts'
import { createEndpointExchange } from '../nat/endpoint-exchange.ts'
import { type DriftReports, startDriftReports } from '../reconcile/drift-report.ts'
import { type ReconcileLoop, startReconcileLoop } from '../reconcile/loop.ts'
import { pullState } from '../reconcile/pull.ts'
import { createCapabilityMark, startCapabilitySync } from '../registration/capabilities.ts'
import { newKeyNoticeMs } from '../wireguard/handover/handover.ts'
import type { ControlLoops, Core } from './core.ts'
import { describeHeartbeat } from './status.ts'

export interface ControlLoopsDeps {
  core: Core
  identity: IdentityStore
  credentials: Credentials
  client: Client<ControlApi>
  gate: AnswerGate
  /** Closes connections of the client from other addresses than these. */
  keepOnly?: (localAddresses: ReadonlySet<string>) => void
  capabilities: Capabilities
  /** The control plane has taken us for one of its own. */
  onFirstConnect?: () => void
}

export async function startControlLoops(deps: ControlLoopsDeps): Promise<ControlLoops> {
  const { core, client, identity } = deps
  const node_id = identity.current().node_id
  await using stack = new AsyncDisposableStack()
  // What is created last ends first: the sources of work before those who do it.
  const queues = startQueues(deps, stack)
  const state = startState(deps, queues.drift, stack, () => events.keyLearned())
  const heartbeat = stack.use(
    startHeartbeat({
      ...commonOf(deps),
      intervalMs: core.config.heartbeatMs,
      dataDir: core.config.dataDir,
      describeNode: () => describeHeartbeat(core.status, deps.capabilities.binary?.checksum ?? ''),
      onReconcile: () => state.loop.trigger(),
      onRotateKeys: () => state.keyRotation.request(),
    }),
  )
  let isFirst = true
  const events = startEvents(deps, { ...state, executor: queues.executor }, stack, () => {
    if (isFirst) deps.onFirstConnect?.()
    isFirst = false
    state.loop.trigger()
    heartbeat.wake()
    queues.wake()
  })
  function keepOnly(localAddresses: ReadonlySet<string>): void {
    deps.keepOnly?.(localAddresses)
    events.keepOnly(localAddresses)
  }
  stack.use(
    await startMeshWatch({
      ...core,
      drift: queues.drift,
      exchange: createEndpointExchange({
        ...commonOf(deps),
        desired: core.desired,
        meshRanges: core.mesh.ranges,
        changes: state.changes,
      }),
      keepOnly,
    }),
  )
  stack.use(
    startPauseWatch({
      ...core,
      // A machine that slept is like one that has moved: it is far from sure that anything is as it was.
      onPause() {
        keepOnly(new Set())
        core.mesh.discovery?.refresh()
        state.loop.trigger()
      },
      onClockSet: () => state.loop.trigger(),
    }),
  )

  return {
    reconcile: () => state.loop.trigger(),
    wake() {
      events.wake()
      queues.wake()
    },
    useKey: state.useKey,
    async fetchSecret(key, signal) {
      const { body } = await client.getSecret({ params: { node_id, key }, signal })
      return body
    },
    waiting: queues.waiting,
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** What most loops need. */
function commonOf({ core, client, identity }: ControlLoopsDeps) {
  const { config, clock, log, vitals, problems } = core
  return {
    client,
    nodeId: identity.current().node_id,
    describe: (error: unknown): string => describeFailure(error, config),
    vitals,
    problems,
    clock,
    log,
  }
}

/** What is delivered from the disk, and the actions whose results are. */
function startQueues(deps: ControlLoopsDeps, stack: AsyncDisposableStack) {
  const { core, client, capabilities } = deps
  const { config, database, clock, log } = core
  const common = commonOf(deps)
  const params = { node_id: common.nodeId }
  const outbox = stack.use(startExecutionOutbox({ ...common, database, limits: config.limits }))
  const drift = stack.use(startDriftReports({ ...common, database }))
  const known = createCapabilityMark(database, deps.gate.life)
  const capabilitySync = stack.use(startCapabilitySync(capabilities, known, common))
  const reports = stack.use(
    startReportSync({
      store: core.reports,
      send: (body, signal) => client.syncReports({ params, body, signal }),
      debounceMs: config.reportDebounceMs,
      clock,
      log,
    }),
  )
  const offer = stack.use(
    startReportOffer({
      ...common,
      store: core.reports,
      life: deps.gate.life,
      mark: createMark(database, 'reports_compared'),
    }),
  )
  const executor = stack.use(
    createActionExecutor({ config, actions: core.actions, outbox, clock, log }),
  )
  return {
    drift,
    executor,
    waiting: () => ({ results: outbox.pendingCount(), refusedReports: reports.setAside() }),
    wake() {
      outbox.wake()
      drift.wake()
      capabilitySync.wake()
      reports.wake()
      offer.wake()
    },
  }
}

/** Something was missed: within this time that is a reason for one extra pull, not for many. */
const gapPullEachMs = 60_000

/** The desired state: how it changes by events, by pulls and by a rotation of our key, and how it comes into force. */
function startState(
  deps: ControlLoopsDeps,
  drift: DriftReports,
  stack: AsyncDisposableStack,
  onNewKey: () => void,
) {
  const { core, identity } = deps
  const { config, desired, clock, log } = core
  const { device, applier } = core.mesh
  const common = commonOf(deps)
  const moves = device.disabledBecause === undefined
  const signingKeys = (): SigningKeys =>
    desired.current().signing_keys ?? { current: identity.current().signing_public_key }

  let lastGapMs = Number.NEGATIVE_INFINITY
  function onGap(): void {
    changes.invalidate().catch((error: unknown) => log.error('state cannot be saved', { error }))
    if (clock.monotonic() - lastGapMs < gapPullEachMs) return
    lastGapMs = clock.monotonic()
    loop.trigger({ whole: true })
  }
  const changes = createStateChanges({ desired, onMeshChange: applier.applySoon, onGap })

  const authentic = config.apiUrl.startsWith('https:')
  const pull = {
    ...common,
    limits: config.limits,
    desired,
    changes,
    signingKeys,
    authentic,
    onNewKey,
  }
  const told = stack.use(followToldIdentity({ desired, identity, log }))
  async function reconcile(options: { whole: boolean; signal: AbortSignal }): Promise<void> {
    told.look()
    const [pulled] = await Promise.allSettled([pullState(pull, options)])
    // Also without an answer: what somebody changed on this machine is put right.
    const [applied] = await Promise.allSettled([applier.apply({ look: true })])
    const corrections = pulled.status === 'fulfilled' ? pulled.value : []
    const steps = applied.status === 'fulfilled' ? applied.value : []
    drift.add([...corrections, ...steps])
    if (pulled.status === 'rejected') throw pulled.reason
    if (applied.status === 'rejected')
      throw new LocalFailure('apply the state', { cause: applied.reason })
  }
  const loop: ReconcileLoop = stack.use(
    startReconcileLoop({ ...common, reconcile, intervalMs: config.reconcileMs }),
  )
  // Nothing else would bring into force what an event has told.
  applier.onFailure(() => loop.trigger())

  async function useKey(privateKey: string): Promise<void> {
    await device.setPrivateKey(privateKey)
    applier.applySoon()
    loop.trigger({ whole: true })
  }
  const keyRotation = stack.use(
    startKeyRotation({
      ...common,
      identity,
      noticeMs: moves ? newKeyNoticeMs : 0,
      prepare: () => device.holdPsks(),
      async takePeers(peers) {
        await desired.replace({ ...withPeers(desired.current(), peers), revision: '' })
        applier.applySoon()
      },
      promote: useKey,
    }),
  )
  return { changes, loop, keyRotation, signingKeys, onGap, useKey }
}

function startEvents(
  deps: ControlLoopsDeps,
  state: ReturnType<typeof startState> & Pick<EventTargets, 'executor'>,
  stack: AsyncDisposableStack,
  onConnect: () => void,
): EventStream {
  const { core } = deps
  const { config, database, desired, skew, clock, log } = core
  const { changes, loop, signingKeys, onGap } = state
  const common = commonOf(deps)
  const memory = createStreamMemory(database, clock)
  const targets: EventTargets = {
    ...state,
    foldState: changes.foldState,
    passBy: changes.passBy,
    async resync(reason, withinMs) {
      log.info('state is pulled whole', { reason })
      // The cursor may be ahead of a log that was restored: the event's own id is where we are now.
      memory.forgetCursor()
      await changes.invalidate()
      loop.trigger({ whole: true, withinMs })
    },
    limits: config.limits,
    log,
  }
  const { credentials, gate } = deps
  const { lookup } = core.names
  const who = { ...credentials, nodeId: common.nodeId, instance: core.instance, gate, lookup }
  return stack.use(
    startEventStream({
      ...common,
      connect: createStreamConnector(config, who),
      verify: createEventVerifier(memory, signingKeys, { clock, limits: config.limits }),
      keys: () => JSON.stringify(signingKeys()),
      memory,
      limits: config.limits,
      revision: () => desired.current().revision,
      handle: (event, id) => handleEvent(event, id, targets),
      onConnect,
      onGap,
      skew,
    }),
  )
}

/** The peers with those of the same id replaced. */
function withPeers<State extends { peers: readonly Peer[] }>(
  state: State,
  updated: readonly Peer[],
): State {
  const byId = new Map([...state.peers, ...updated].map((peer) => [peer.id, peer]))
  return { ...state, peers: [...byId.values()] }
}
