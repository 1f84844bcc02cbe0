import type { Peer } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { FirewallApplier } from '../firewall/applier.ts'
import { chooseEndpoint, type Standpoint } from '../nat/choose-endpoint.ts'
import type { Problems } from '../problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DeviceStep, WireguardDevice } from '../wireguard/device.ts'
import type { PlaceVerdict } from '../wireguard/mesh-range.ts'
import { type PeerRules, usablePeers } from '../wireguard/usable-peers.ts'
import { type Correction, planDevice } from './plan.ts'

/** Brings packet filter and interface to the desired state: observes, plans, applies. One run at a time. */
export interface Applier {
  /**
   * The steps that were taken; none when nothing differs. Rejects when filter or interface refuse, and tells a
   * problem. With `look` the filter is looked at even if nobody was heard to change it.
   */
  apply(options?: { look?: boolean }): Promise<Correction[]>
  /** After an event: nobody waits, and failures are left to the next reconciliation. */
  applySoon(): void
}

export interface ApplierDeps {
  device: WireguardDevice
  /** Absent where packets are not filtered. */
  firewall?: FirewallApplier | undefined
  desired: Pick<DesiredStore, 'current' | 'isMeshLost'>
  /** For the way to each peer; without, packets go to where the control plane says. */
  standpoint?: () => Standpoint
  /** Whether the mesh may be here at all; without, it may. */
  judge?: () => Promise<PlaceVerdict>
  /** For what may be taken of a peer. */
  peerRules?: () => PeerRules
  problems: Problems
  log: Log
}

export function createApplier(deps: ApplierDeps): Applier {
  const { device, firewall, desired, judge, standpoint, peerRules, problems, log } = deps
  let last: Promise<unknown> = Promise.resolve()
  let soon = false
  let isFiltered = firewall === undefined
  let verdict: { is: PlaceVerdict } | undefined

  /**
   * The filter comes first, so that no packet reaches a new peer by old rules. Until it is in force for the first time
   * nothing is done to the interface; afterwards one that cannot be changed still holds what it has, and denies what
   * it does not know.
   */
  async function applyOnce(look: boolean): Promise<Correction[]> {
    if (desired.isMeshLost()) {
      problems.set('wireguard', lostMesh)
      return []
    }
    if (await isRefused(look)) return []
    const [filtering] = await Promise.allSettled([firewall?.apply({ look })])
    isFiltered ||= filtering.status === 'fulfilled'
    const steps = isFiltered ? await applyDevice() : []
    if (filtering.status === 'rejected') throw filtering.reason
    return [...(filtering.value ?? []), ...steps]
  }

  /** Networks of this machine come and go: with `look` they are looked at anew, as they are while something is wrong. */
  async function isRefused(look: boolean): Promise<boolean> {
    if (!judge) return false
    if (look || verdict?.is !== undefined) verdict = undefined
    verdict ??= { is: await judge().catch(failed) }
    const { is } = verdict
    if (!is) problems.clear('mesh range')
    else problems.set('mesh range', 'refusal' in is ? is.refusal : is.warning)
    return is !== undefined && 'refusal' in is
  }

  async function applyDevice(): Promise<DeviceStep[]> {
    try {
      const observing = device.observe()
      observing.catch(() => {}) // awaited below; until it answers there is time for this:
      const { peers } = desired.current()
      const wanted = usablePeers(standpoint ? reachable(peers, standpoint()) : peers, peerRules?.())
      tellUnusable(wanted.problems)
      const steps = planDevice(wanted.peers, await observing)
      if (steps.length > 0) await device.apply(steps)
      problems.clear('wireguard')
      logSteps(log, steps)
      return steps
    } catch (error) {
      return failed(error)
    }
  }

  function failed(error: unknown): never {
    problems.set('wireguard', `the mesh cannot be applied: ${describeError(error)}`)
    throw new Error('apply the mesh', { cause: error })
  }

  function tellUnusable(unusable: readonly string[]): void {
    const [first] = unusable
    const more = unusable.length > 1 ? `, and ${unusable.length - 1} more` : ''
    if (first === undefined) problems.clear('peers')
    else problems.set('peers', `the control plane sent what cannot be used: ${first}${more}`)
  }

  return {
    apply({ look = false } = {}) {
      const run = last.then(() => applyOnce(look))
      last = run.catch(() => {}) // its caller is told
      return run
    },
    applySoon() {
      if (soon) return
      soon = true
      last = last
        .then(() => {
          soon = false
          return applyOnce(false)
        })
        .catch((error: unknown) => log.error('event cannot be applied', { error }))
    },
  }
}

const lostMesh =
  'the mesh on disk is damaged: tunnels and rules stay as they are until the control plane answers'

/** Each peer itself where there is nothing to change: that is nearly always so, and there may be thousands. */
function reachable(peers: readonly Peer[], standpoint: Standpoint): Peer[] {
  return peers.map((peer) => {
    const endpoint = chooseEndpoint(peer, standpoint)
    return endpoint === peer.endpoint ? peer : { ...peer, endpoint }
  })
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
