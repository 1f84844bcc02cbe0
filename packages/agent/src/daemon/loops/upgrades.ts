import { describeError } from '@plexd/runtime'
import type { ExecutionOutbox } from '../../control/execution-outbox.ts'
import { createArtifactOpener } from '../../control/stream/download.ts'
import { describeSelf } from '../../upgrade/self.ts'
import { startTrialWatch } from '../../upgrade/trial-watch.ts'
import { describeRollback, resultOf } from '../../upgrade/upgrade-status.ts'
import { createUpgrade } from '../../upgrade/upgrader.ts'
import type { Enrolled } from '../stages/enrolled.ts'

/** Makes upgrades possible, judges the version that runs if it is on trial, and reports what the last one has come to. */
export function startUpgrades(
  node: Enrolled,
  outbox: Pick<ExecutionOutbox, 'conclude'>,
  stack: AsyncDisposableStack,
): void {
  const { config, versions, mesh, desired, vitals, problems, credentials, names, clock, log } = node
  const self = describeSelf(versions.folder)

  async function connected(): Promise<Set<string>> {
    const peers = await mesh.describePeers()
    return new Set(peers.filter(({ state }) => state === 'connected').map(({ id }) => id))
  }

  function report(): void {
    const state = versions.read()
    problems.set('upgrade', describeRollback(state))
    try {
      if (state?.outcome) outbox.conclude(resultOf(state.outcome))
    } catch (error) {
      // The disk is full: then it is told when there is room.
      log.error('the result of an upgrade cannot be kept', { error: describeError(error) })
    }
  }

  report()
  stack.defer(node.disk.onRoom(report))
  stack.use(
    startTrialWatch({
      ...node,
      store: versions,
      env: process.env,
      health: async () => ({
        isHeard: vitals.last_heartbeat_at !== null,
        wanted: new Set(desired.current().peers.map(({ id }) => id)),
        connected: await connected(),
        uptimeMs: clock.monotonic() - node.startedMs,
      }),
      settleMs: Math.min(config.upgradeSettleMs, settleShare * config.upgradeDeadlineMs),
      onConfirmed: report,
    }),
  )
  const upgrade = createUpgrade({
    ...node,
    store: versions,
    self,
    openArtifact: createArtifactOpener(config, { ...node, ...credentials, lookup: names.lookup }),
    connectedPeers: async () => [...(await connected())],
    onDismissed: report,
    restart: node.shown.restart,
  })
  node.shown.show({ upgrade })
}

/** The rest is for the first heartbeat, which may have to wait for a control plane that restarts. */
const settleShare = 0.75
