import type { Peer } from '@plexd/protocol'
import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import type { MeshRouting, PreparedRouting } from '../routing/mesh-routing.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DeviceStep, WireguardDevice } from '../wireguard/device/device.ts'
import { type PeerRules, usablePeers } from '../wireguard/peers/usable-peers.ts'
import type { FirewallApplier } from './firewall-applier.ts'
import type { Correction } from './plan.ts'

/** Brings packet filter and interface to the desired state: observes, plans, applies. One run at a time. */
export interface Applier {
  /**
   * The steps that were taken; none when nothing differs. Rejects when filter or interface refuse, and tells a
   * problem. With `look` the filter is looked at even if nobody was heard to change it.
   */
  apply(options?: { look?: boolean }): Promise<Correction[]>
  /** After an event: nobody waits, and a failure asks for a reconciliation. */
  applySoon(): void
}

export interface ApplierDeps {
  device: WireguardDevice
  /** Absent where packets are not filtered. */
  firewall?: FirewallApplier | undefined
  desired: Pick<DesiredStore, 'current' | 'isMeshLost'>
  /** For the way to each peer; without, packets go to where the control plane says. */
  placed?: (peers: readonly Peer[]) => readonly Peer[]
  /** Whether the mesh may be here at all, and what leads into it; without, it may, and something else leads there. */
  routing?: MeshRouting
  /** For what may be taken of a peer. */
  peerRules?: () => PeerRules
  /** What nobody waits for has failed: is to see to it that it is tried again. */
  onFailure?(): void
  problems: Problems
  log: Log
}

export function createApplier(deps: ApplierDeps): Applier {
  const { device, firewall, desired, routing, peerRules, problems, log } = deps
  const inOrder = createSerialQueue()
  let soon = false
  let isFiltered = firewall === undefined
  /** What was done where nobody is told of it, for the next who is. */
  const untold: DeviceStep[] = []

  /**
   * The routing comes first: from then on no packet for the mesh leaves in clear, whatever else fails. Then the filter,
   * so that no packet reaches a new peer by old rules. Until it is in force for the first time nothing is done to the
   * interface; afterwards one that cannot be changed still holds what it has, and denies what it does not know.
   */
  async function applyOnce(look: boolean): Promise<Correction[]> {
    await reclaim()
    let prepared = await prepareRouting(look)
    // The address that stands in the way may be on our own interface, while something else has its name.
    if (isRefused(prepared) && (await reclaim({ taken: true })))
      prepared = await prepareRouting(true)
    if (desired.isMeshLost()) {
      problems.set('wireguard', lostMesh)
      return repairsOf(prepared)
    }
    if (isRefused(prepared)) return []
    const [filtering] = await Promise.allSettled([firewall?.apply({ look })])
    isFiltered ||= filtering.status === 'fulfilled'
    const steps = isFiltered ? await applyDevice() : []
    if (filtering.status === 'rejected') throw filtering.reason
    if (prepared?.isFresh || steps.some(isOfInterface)) await checkRouting()
    return [...(filtering.value ?? []), ...repairsOf(prepared), ...steps]
  }

  /** Whether something was done. */
  async function reclaim(options?: { taken: boolean }): Promise<boolean> {
    const reclaimed = await device.reclaim(options).catch(failed)
    logSteps(log, reclaimed)
    untold.push(...reclaimed)
    return reclaimed.length > 0
  }

  async function prepareRouting(look: boolean): Promise<PreparedRouting | undefined> {
    const prepared = await routing?.prepare({ look }).catch(failed)
    if (!prepared) return undefined
    const { verdict, repaired, failure } = prepared
    tell(
      'routing',
      failure === undefined ? [] : [`the routing of the mesh cannot be set: ${failure}`],
    )
    tell('mesh range', verdict.refusal === undefined ? verdict.warnings : [verdict.refusal])
    if (repaired.length > 0)
      log.info('routing repaired', { details: repaired.slice(0, maxLoggedSteps) })
    return prepared
  }

  /** That a way is wrong is told; it stands in the way of nothing. */
  async function checkRouting(): Promise<void> {
    const wrong = await routing?.check(placed()).catch((error: unknown) => [describeError(error)])
    tell('mesh routes', wrong ?? [])
  }

  async function applyDevice(): Promise<readonly DeviceStep[]> {
    try {
      const wanted = usablePeers(placed(), peerRules?.())
      tellUnusable(wanted.problems)
      if (device.disabledBecause !== undefined) return []
      const steps = await device.apply(wanted.peers)
      problems.clear('wireguard')
      logSteps(log, steps)
      return steps
    } catch (error) {
      return failed(error)
    }
  }

  function placed(): readonly Peer[] {
    const { peers } = desired.current()
    return deps.placed?.(peers) ?? peers
  }

  function failed(error: unknown): never {
    problems.set('wireguard', `the mesh cannot be applied: ${describeError(error)}`)
    throw new Error('apply the mesh', { cause: error })
  }

  function tellUnusable(unusable: readonly string[]): void {
    tell(
      'peers',
      unusable.map((text) => `the control plane sent what cannot be used: ${text}`),
    )
  }

  /** The first of several, and how many more there are. */
  function tell(part: string, [first, ...others]: readonly string[]): void {
    if (first === undefined) problems.clear(part)
    else problems.set(part, others.length === 0 ? first : `${first}, and ${others.length} more`)
  }

  return {
    apply: ({ look = false } = {}) =>
      inOrder(async () => {
        const steps = await applyOnce(look)
        return [...untold.splice(0), ...steps]
      }),
    applySoon() {
      if (soon) return
      soon = true
      inOrder(() => {
        soon = false
        return applyOnce(false)
      }).catch((error: unknown) => {
        log.warn('event cannot be applied, will retry', { error })
        deps.onFailure?.()
      })
    },
  }
}

const lostMesh =
  'the mesh on disk is damaged: tunnels and rules stay as they are until the control plane answers'

function isRefused(prepared: PreparedRouting | undefined): boolean {
  return prepared?.verdict.refusal !== undefined
}

function repairsOf(prepared: PreparedRouting | undefined): DeviceStep[] {
  return (prepared?.repaired ?? []).map((detail) => ({ type: 'interface_repaired', detail }))
}

function isOfInterface({ type }: DeviceStep): boolean {
  return type === 'interface_repaired'
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
