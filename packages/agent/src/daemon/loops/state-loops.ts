import type { Peer, SigningKeys } from '@plexd/protocol'
import { LocalFailure } from '../../control/client/failure.ts'
import { type KeyRotation, startKeyRotation } from '../../control/key-rotation.ts'
import { usableKeys } from '../../control/stream/event-verifier.ts'
import { createStateChanges, type StateChanges } from '../../events/state-changes.ts'
import { followToldIdentity } from '../../identity/told-identity.ts'
import type { DriftReports } from '../../reconcile/drift-report.ts'
import { startReconcileLoop } from '../../reconcile/loop.ts'
import { pullState } from '../../reconcile/pull.ts'
import { newKeyNoticeMs } from '../../wireguard/handover/handover.ts'
import type { Enrolled } from '../stages/enrolled.ts'

/** The ways in which the desired state changes apart from pulls, and what those need to know. */
export interface StateWays {
  readonly changes: StateChanges
  readonly keyRotation: KeyRotation
  /** The keys that currently verify events. */
  signingKeys(): SigningKeys
  /** Something was missed: the state must be pulled. */
  onGap(): void
}

/** Ends with the stack. */
export function openStateWays(node: Enrolled, stack: AsyncDisposableStack): StateWays {
  const { identity, desired, log } = node
  const { device, applier } = node.mesh
  const pullSoon = createGapPulls(node)
  const changes = createStateChanges({
    desired,
    onMeshChange: applier.applySoon,
    onGap: pullSoon,
  })
  const keyRotation = stack.use(
    startKeyRotation({
      ...node,
      noticeMs: device.disabledBecause === undefined ? newKeyNoticeMs : 0,
      prepare: () => device.holdPsks(),
      async takePeers(peers) {
        await desired.replace({ ...withPeers(desired.current(), peers), revision: '' })
        applier.applySoon()
      },
      promote: node.useKey,
    }),
  )
  return {
    changes,
    keyRotation,
    signingKeys: () =>
      desired.current().signing_keys ?? { current: identity.current().signing_public_key },
    onGap() {
      changes.invalidate().catch((error: unknown) => log.error('state cannot be saved', { error }))
      pullSoon()
    },
  }
}

/** Missed events within this time cause a single extra pull. */
const gapPullEachMs = 60_000

function createGapPulls({ requests, clock }: Enrolled): () => void {
  let lastMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.monotonic() - lastMs < gapPullEachMs) return
    lastMs = clock.monotonic()
    requests.ask({ whole: true })
  }
}

/** Pulls the state and applies it, repeatedly. Ends with the stack. */
export function startReconciler(
  node: Enrolled,
  {
    ways,
    drift,
    onNewKey,
  }: { ways: StateWays; drift: Pick<DriftReports, 'add'>; onNewKey: () => void },
  stack: AsyncDisposableStack,
): void {
  const { config } = node
  const { applier } = node.mesh
  const authentic = config.apiUrl.startsWith('https:')
  const pull = {
    ...node,
    ...ways,
    limits: config.limits,
    authentic,
    onNewKey,
    onAnnouncement: node.installation.received,
  }
  const told = stack.use(followToldIdentity(node))

  async function reconcile(options: { whole: boolean; signal: AbortSignal }): Promise<void> {
    told.look()
    await node.installation.look(usableKeys(ways.signingKeys(), node.clock.now()))
    const [pulled] = await Promise.allSettled([pullState(pull, options)])
    // Also without an answer, in order to repair changes by other programs.
    const [applied] = await Promise.allSettled([applier.apply({ look: true })])
    drift.add([
      ...(pulled.status === 'fulfilled' ? pulled.value : []),
      ...(applied.status === 'fulfilled' ? applied.value : []),
    ])
    if (pulled.status === 'rejected') throw pulled.reason
    if (applied.status === 'rejected')
      throw new LocalFailure('apply the state', { cause: applied.reason })
  }

  stack.use(startReconcileLoop({ ...node, reconcile, intervalMs: config.reconcileMs }))
}

/** The peers, with those of the same id replaced. */
function withPeers<State extends { peers: readonly Peer[] }>(
  state: State,
  updated: readonly Peer[],
): State {
  const byId = new Map([...state.peers, ...updated].map((peer) => [peer.id, peer]))
  return { ...state, peers: [...byId.values()] }
}
