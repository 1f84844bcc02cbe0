import type {
  Capabilities,
  Client,
  ControlApi,
  Peer,
  SealedSecret,
  SigningKeys,
} from '@plexd/protocol'
import { createActionExecutor } from './actions/executor.ts'
import { createCapabilityMark, startCapabilitySync } from './capabilities.ts'
import { startEventStream } from './control/event-stream.ts'
import { createEventVerifier } from './control/event-verifier.ts'
import { startExecutionOutbox } from './control/execution-outbox.ts'
import { describeFailure } from './control/failure.ts'
import { startHeartbeat } from './control/heartbeat.ts'
import { startReportSync } from './control/report-sync.ts'
import { createStreamConnector } from './control/stream-connection.ts'
import { createStreamMemory } from './control/stream-memory.ts'
import type { Core } from './core.ts'
import { type EventTargets, handleEvent } from './events/handlers.ts'
import { createStateChanges } from './events/state-changes.ts'
import { bearerOf, type IdentityStore } from './identity.ts'
import { type KeyRotation, startKeyRotation } from './key-rotation.ts'
import { startDriftReports } from './reconcile/drift-report.ts'
import { type ReconcileLoop, startReconcileLoop } from './reconcile/loop.ts'
import { pullState } from './reconcile/pull.ts'
import { describeHeartbeat, type Waiting } from './status.ts'

/** All that talks to the control plane for as long as the daemon runs. */
export interface ControlLoops extends AsyncDisposable {
  reconcile(): void
  fetchSecret(key: string, signal: AbortSignal): Promise<SealedSecret>
  waiting(): Waiting
}

export interface ControlLoopsDeps {
  core: Core
  identity: IdentityStore
  client: Client<ControlApi>
  capabilities: Capabilities
}

/** Something was missed: within this time that is a reason for one extra pull, not for many. */
const gapPullEachMs = 60_000

export function startControlLoops(deps: ControlLoopsDeps): ControlLoops {
  const { core, identity, client, capabilities } = deps
  const { config, clock, log, database, desired, device, applier, problems, vitals, skew } = core
  const nodeId = identity.current().node_id
  const describe = (error: unknown): string => describeFailure(error, config)
  const common = { client, nodeId, describe, clock, log }
  const stack = new AsyncDisposableStack()
  // What is created last ends first: the sources of work before those who do it.
  const outbox = stack.use(startExecutionOutbox({ ...common, database }))
  const drift = stack.use(startDriftReports({ ...common, database }))
  stack.use(startCapabilitySync(capabilities, createCapabilityMark(database), common))
  const reportSync = stack.use(
    startReportSync({
      store: core.reports,
      send: (body, signal) => client.syncReports({ params: { node_id: nodeId }, body, signal }),
      debounceMs: config.reportDebounceMs,
      clock,
      log,
    }),
  )
  const executor = stack.use(
    createActionExecutor({ config, actions: core.actions, outbox, clock, log }),
  )

  let lastGapMs = Number.NEGATIVE_INFINITY
  function onGap(): void {
    changes.invalidate().catch((error: unknown) => log.error('state cannot be saved', { error }))
    if (clock.now() - lastGapMs < gapPullEachMs) return
    lastGapMs = clock.now()
    loop.trigger({ whole: true })
  }
  const changes = createStateChanges({ desired, onFold: applier.applySoon, onGap })

  const signingKeys = (): SigningKeys =>
    desired.current().signing_keys ?? { current: identity.current().signing_public_key }
  const pull = {
    ...common,
    desired,
    changes,
    signingKeys,
    authentic: config.apiUrl.startsWith('https:'),
    problems,
  }
  const loop: ReconcileLoop = stack.use(
    startReconcileLoop({
      async reconcile(options) {
        const corrections = await pullState(pull, options)
        const steps = await applier.apply()
        drift.add([...corrections, ...(device.disabledBecause === undefined ? steps : [])])
      },
      intervalMs: config.reconcileMs,
      describe,
      vitals,
      problems,
      clock,
      log,
    }),
  )

  const keyRotation: KeyRotation = stack.use(
    startKeyRotation({
      identity,
      client,
      async promote(privateKey, peers) {
        await device.setPrivateKey(privateKey)
        await desired.replace({ ...withPeers(desired.current(), peers), revision: '' })
        applier.applySoon()
        loop.trigger({ whole: true })
      },
      describe,
      clock,
      log,
    }),
  )

  const heartbeat = stack.use(
    startHeartbeat({
      ...common,
      intervalMs: config.heartbeatMs,
      describeNode: () => describeHeartbeat(core.status, capabilities.binary?.checksum ?? ''),
      onReconcile: () => loop.trigger(),
      onRotateKeys: () => keyRotation.request(),
      vitals,
      problems,
    }),
  )

  const memory = createStreamMemory(database, clock)
  const targets: EventTargets = {
    foldState: changes.foldState,
    passBy: changes.passBy,
    async resync(reason) {
      log.info('state is pulled whole', { reason })
      // The cursor may be ahead of a log that was restored: the event's own id is where we are now.
      memory.forgetCursor()
      await changes.invalidate()
      loop.trigger({ whole: true })
    },
    executor,
    keyRotation,
    log,
  }
  stack.use(
    startEventStream({
      connect: createStreamConnector(config, () => ({
        nodeId,
        bearer: bearerOf(identity.current()),
      })),
      verify: createEventVerifier(memory, signingKeys, clock),
      memory,
      handle: (event, id) => handleEvent(event, id, targets),
      onConnect() {
        loop.trigger()
        heartbeat.wake()
        outbox.wake()
        drift.wake()
        reportSync.wake()
      },
      onGap,
      describe,
      vitals,
      problems,
      skew,
      clock,
      log,
    }),
  )

  return {
    reconcile: () => loop.trigger(),
    async fetchSecret(key, signal) {
      const { body } = await client.getSecret({ params: { node_id: nodeId, key }, signal })
      return body
    },
    waiting: () => ({ results: outbox.pendingCount(), refusedReports: reportSync.setAside() }),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  }
}

/** The peers with those of the same id replaced. */
function withPeers<State extends { peers: readonly Peer[] }>(
  state: State,
  updated: readonly Peer[],
): State {
  const byId = new Map([...state.peers, ...updated].map((peer) => [peer.id, peer]))
  return { ...state, peers: [...byId.values()] }
}
