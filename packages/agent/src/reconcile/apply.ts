import { describeError, type Log } from '@plexd/runtime'
import type { Problems } from '../problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DeviceStep, WireguardDevice } from '../wireguard/device.ts'
import { usablePeers } from '../wireguard/usable-peers.ts'
import { planDevice } from './plan.ts'

/** Brings the interface to the desired state: observes, plans, applies. One run at a time. */
export interface Applier {
  /** The steps that were taken; none when nothing differs. Rejects when the interface refuses, and tells a problem. */
  apply(): Promise<DeviceStep[]>
  /** After an event: nobody waits, and failures are left to the next reconciliation. */
  applySoon(): void
}

export function createApplier(deps: {
  device: WireguardDevice
  desired: Pick<DesiredStore, 'current'>
  problems: Problems
  log: Log
}): Applier {
  const { device, desired, problems, log } = deps
  let last: Promise<unknown> = Promise.resolve()
  let soon = false

  async function applyOnce(): Promise<DeviceStep[]> {
    try {
      const wanted = usablePeers(desired.current().peers)
      tellUnusable(wanted.problems)
      const steps = planDevice(wanted.peers, await device.observe())
      if (steps.length > 0) await device.apply(steps)
      problems.clear('wireguard')
      logSteps(log, steps)
      return steps
    } catch (error) {
      problems.set('wireguard', `the mesh cannot be applied: ${describeError(error)}`)
      throw new Error('apply the mesh', { cause: error })
    }
  }

  function tellUnusable(unusable: readonly string[]): void {
    const [first] = unusable
    const more = unusable.length > 1 ? `, and ${unusable.length - 1} more` : ''
    if (first === undefined) problems.clear('peers')
    else problems.set('peers', `the control plane sent what WireGuard cannot have: ${first}${more}`)
  }

  function apply(): Promise<DeviceStep[]> {
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
        .catch((error: unknown) => log.error('event cannot be applied', { error }))
    },
  }
}

/** The first ones of a whole mesh say enough. */
const maxLoggedSteps = 20

function logSteps(log: Log, steps: readonly DeviceStep[]): void {
  if (steps.length > maxLoggedSteps) log.info('mesh changed', { steps: steps.length })
  for (const step of steps.slice(0, maxLoggedSteps)) {
    if (step.type === 'interface_repaired') log.info('interface repaired', { detail: step.detail })
    else log.info('peer changed', { change: step.type, peer_id: peerIdOf(step) })
  }
}

function peerIdOf(step: Exclude<DeviceStep, { type: 'interface_repaired' }>): string {
  return step.type === 'peer_removed' ? step.peer_id : step.peer.id
}
