import type { Capabilities } from '@plexd/protocol'
import { handOver, orAborted } from '@plexd/runtime'
import { type Heartbeat, startHeartbeat } from '../control/heartbeat.ts'
import { usableKeys } from '../control/stream/event-verifier.ts'
import { startPauseWatch } from '../health/pause-watch.ts'
import { startFollowingMove } from '../installation/follow-move.ts'
import { startRecoveringTrust } from '../installation/recover-trust.ts'
import { type MeshWatch, startMeshWatch } from '../mesh/mesh-watch.ts'
import { startEventIntake } from './loops/event-intake.ts'
import { openSessions } from './loops/open-sessions.ts'
import { openTelemetry, type Telemetry } from './loops/open-telemetry.ts'
import { type Queues, startQueues } from './loops/queues.ts'
import { openStateWays, type StateWays, startReconciler } from './loops/state-loops.ts'
import { startUpgrades } from './loops/upgrades.ts'
import { type Enrolled, sourcesOf } from './stages/enrolled.ts'
import { describeHeartbeat } from './stages/heartbeat-body.ts'
import { describeStatus } from './stages/status.ts'
import type { View } from './stages/view.ts'

export interface RunningOptions {
  /** The current ones. */
  capabilities(): Capabilities
  /** The control plane has accepted this node. */
  onFirstConnect(): void
  /** Starts the daemon again; without it a move of the control plane is not followed. */
  restart?: (() => void) | undefined
  env?: NodeJS.ProcessEnv | undefined
}

export interface Running extends AsyncDisposable, Pick<Queues, 'announce'> {}

/** Over so long the nodes of a control plane that has ended pull their state, after their streams are open at another one. */
const pullSpreadMs = 5_000

/** The last stage: everything that communicates with the control plane, for as long as the daemon runs. */
export async function startRunning(
  node: Enrolled,
  { capabilities, onFirstConnect, restart, env = process.env }: RunningOptions,
): Promise<Running> {
  const { requests } = node
  await using stack = new AsyncDisposableStack()
  // Disposed in reverse order: the sources of work before its consumers.
  const queues = startQueues(node, capabilities, stack)
  const telemetry = await openTelemetry(node, stack)
  const ways = openStateWays(node, stack)
  const sessions = await openSessions(node, ways, stack)
  const checksum = capabilities().binary?.checksum ?? ''
  const heartbeat = stack.use(startNodeHeartbeat(node, ways, checksum))
  let isFirst = true
  function onConnect(): void {
    if (isFirst) onFirstConnect()
    // A stream goes on where it ended, so nothing is missed; where it cannot, the control plane says so, and that is asked at once.
    requests.ask({ withinMs: isFirst ? 0 : pullSpreadMs })
    isFirst = false
    heartbeat.wake()
    queues.wake()
    telemetry.wake()
  }
  const events = startEventIntake(
    node,
    { ways, executor: queues.executor, sessions, onConnect },
    stack,
  )
  startReconciler(node, { ways, drift: queues.drift, onNewKey: events.keyLearned }, stack)
  function wake(): void {
    events.wake()
    queues.wake()
    telemetry.wake()
  }
  stack.defer(node.back.add(wake))
  function keepOnly(localAddresses: ReadonlySet<string>): void {
    node.keepOnly(localAddresses)
    events.keepOnly(localAddresses)
  }
  const receiver = { ...node, changes: ways.changes }
  const watch = stack.use(
    await startMeshWatch({ ...node, drift: queues.drift, receiver, keepOnly }),
  )
  stack.defer(node.mesh.stunServers.onChange(() => watch.discovery?.refresh()))
  stack.use(
    startPauseWatch({
      ...node,
      // After a suspend, as after a change of network, nothing can be assumed unchanged.
      onPause() {
        keepOnly(new Set())
        watch.discovery?.refresh()
        requests.ask()
      },
      onClockSet: () => requests.ask(),
    }),
  )
  const keys = (): string[] => usableKeys(ways.signingKeys(), node.clock.now())
  stack.use(startRecoveringTrust({ ...node, keys }))
  if (restart) stack.use(startFollowingMove({ ...node, keys, restart, env }))
  node.shown.show(viewOf(node, { queues, telemetry, watch }))
  startUpgrades(node, queues.outbox, stack)
  return { announce: queues.announce, [Symbol.asyncDispose]: handOver(stack) }
}

function startNodeHeartbeat(node: Enrolled, ways: StateWays, checksum: string): Heartbeat {
  const { heartbeatMs: intervalMs, dataDir } = node.config
  return startHeartbeat({
    ...{ ...node, intervalMs, dataDir },
    describeNode: () => describeHeartbeat(sourcesOf(node), checksum),
    onReconcile: () => node.requests.ask(),
    onStunServers: node.mesh.stunServers.hear,
    onRotateKeys: () => ways.keyRotation.request(),
  })
}

function viewOf(
  node: Enrolled,
  { queues, telemetry, watch }: { queues: Queues; telemetry: Telemetry; watch: MeshWatch },
): Partial<View> {
  const { waiting, executor } = queues
  const { discovery, sizes } = watch
  return {
    status: () =>
      describeStatus({
        ...sourcesOf(node),
        waiting: waiting(),
        sessions: node.shown.sessions(),
        telemetry: telemetry.status(),
      }),
    peers: () => node.mesh.describePeers(sizes?.largestTo),
    runAction: executor.runLocal,
    ...(discovery ? { network: discovery.check } : {}),
    async reconnect(signal) {
      node.requests.ask({ whole: true })
      const found = discovery?.check()
      await node.mesh.device.reconnect()
      // Without an answer of a STUN server the endpoint that was found before stays.
      await orAborted(
        Promise.resolve(found).catch(() => {}),
        signal,
      )
    },
    async fetchSecret(key, signal) {
      return (await node.client.getSecret({ params: { node_id: node.nodeId, key }, signal })).body
    },
  }
}
