import { describeError, type Log } from '@plexd/runtime'
import type { Problems } from '../problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { PeerStep, WireguardDevice } from '../wireguard/device.ts'
import { planPeers } from './plan.ts'

/** Brings the interface to the desired state: observes, plans, applies. One run at a time. */
export interface Applier {
  /** The steps that were taken; none when nothing differs. Rejects when the interface refuses, and tells a problem. */
  apply(): Promise<PeerStep[]>
  /** After an event: nobody waits, and failures are left to the next reconciliation. */
  applySoon(): void
}

export function createApplier(deps: {
  device: WireguardDevice
  desired: DesiredStore
  problems: Problems
  log: Log
}): Applier {
  const { device, desired, problems, log } = deps
  let last: Promise<unknown> = Promise.resolve()
  let soon = false

  async function applyOnce(): Promise<PeerStep[]> {
    try {
      const { peers } = await device.observe()
      const steps = planPeers(desired.current().peers, peers)
      if (steps.length > 0) await device.apply(steps)
      problems.clear('wireguard')
      return steps
    } catch (error) {
      problems.set('wireguard', `peers cannot be applied: ${describeError(error)}`)
      throw new Error('apply peers', { cause: error })
    }
  }

  function apply(): Promise<PeerStep[]> {
    const run = last.then(applyOnce)
    last = run.catch(() => {}) // its caller is told
    return run
  }

  return {
    apply,
    applySoon() {
      if (soon) return
      soon = true
      last = last
        .then(() => {
          soon = false
          return applyOnce()
        })
        .then(
          (steps) => logSteps(log, steps),
          (error: unknown) => log.error('event cannot be applied', { error }),
        )
    },
  }
}

function logSteps(log: Log, steps: readonly PeerStep[]): void {
  for (const step of steps) {
    const peer_id = step.type === 'peer_removed' ? step.peer_id : step.peer.id
    log.info('peer changed', { change: step.type, peer_id })
  }
}
