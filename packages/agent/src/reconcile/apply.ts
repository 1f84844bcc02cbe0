import type { Peer } from '@plexd/protocol'
import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import { type Problems, summarize } from '../health/problems.ts'
import type { MeshRouting } from '../routing/mesh-routing.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DeviceStep, WireguardDevice } from '../wireguard/device/device.ts'
import type { PeerRules } from '../wireguard/peers/usable-peers.ts'
import type { FirewallApplier } from './firewall-applier.ts'
import { createLastUsable } from './last-usable.ts'
import { logSteps } from './log-steps.ts'
import type { Correction } from './plan.ts'
import { createRoutingApplier, isRefused, repairsOf } from './routing-applier.ts'

/** Reconciles packet filter and interface with the desired state: observe, plan, apply. One run at a time. */
export interface Applier {
  /**
   * The corrections made; none if nothing differed. Rejects, and reports a problem, if filter or interface refuse.
   * With `look` the filter is read even if no change was noticed.
   */
  apply(options?: { look?: boolean }): Promise<Correction[]>
  /** After an event: runs in the background; a failure triggers a reconciliation. */
  applySoon(): void
}

export interface ApplierDeps {
  device: WireguardDevice
  /** Absent if packets are not filtered. */
  firewall?: FirewallApplier | undefined
  desired: Pick<DesiredStore, 'current' | 'isMeshLost'>
  /** Chooses the endpoint for each peer; without it the control plane's is used. */
  placed?: (peers: readonly Peer[]) => readonly Peer[]
  /** Checks that the mesh range is free, and routes it; without it the mesh is allowed and routed by others. */
  routing?: MeshRouting
  /** Decides which parts of a peer are usable. */
  peerRules?: () => PeerRules
  /** Something else had changed the interface or its routing, and that was corrected; once per run, whoever asked for it. */
  onRepair?(detail: string): void
  /** A background run failed: see that it is retried. */
  onFailure?(): void
  problems: Problems
  log: Log
}

export function createApplier(deps: ApplierDeps): Applier {
  const { device, firewall, desired, peerRules, problems, log } = deps
  const routing = createRoutingApplier(deps)
  const inOrder = createSerialQueue()
  const usable = createLastUsable()
  let soon = false
  let isFiltered = firewall === undefined
  /** For the next report: corrections of background runs, and of runs that failed later. */
  const untold: Correction[] = []

  async function run(look: boolean, isTold: (step: Correction) => boolean): Promise<void> {
    const known = untold.length
    try {
      untold.push(...(await applyOnce(look)).filter(isTold))
    } finally {
      const repair = untold.slice(known).find(isOfInterface)
      if (repair) deps.onRepair?.(repair.detail)
    }
  }

  /**
   * Routing comes first: from then on no mesh packet leaves unencrypted, whatever else fails. Then the filter,
   * so that no packet reaches a new peer under old rules. Until the filter is in force for the first time the interface is
   * not touched; afterwards, a filter that cannot be changed keeps the old rules, and denies what they do not allow.
   */
  async function applyOnce(look: boolean): Promise<Correction[]> {
    await reclaim()
    let prepared = await routing.prepare(look).catch(failed)
    // The conflicting address may be on our own interface, if it was renamed and another has its name.
    if (isRefused(prepared) && (await reclaim({ taken: true })))
      prepared = await routing.prepare(true).catch(failed)
    if (desired.isMeshLost()) {
      problems.set('wireguard', lostMesh)
      return repairsOf(prepared)
    }
    if (isRefused(prepared)) return []
    const [filtering] = await Promise.allSettled([firewall?.apply({ look })])
    isFiltered ||= filtering.status === 'fulfilled'
    const steps = isFiltered ? await applyDevice() : []
    if (filtering.status === 'rejected') throw filtering.reason
    if (prepared?.isFresh || steps.some(isOfInterface)) await routing.check(placed())
    return [...(filtering.value ?? []), ...repairsOf(prepared), ...steps]
  }

  /** Whether anything was done. */
  async function reclaim(options?: { taken: boolean }): Promise<boolean> {
    const reclaimed = await device.reclaim(options).catch(failed)
    logSteps(log, reclaimed)
    untold.push(...reclaimed)
    return reclaimed.length > 0
  }

  async function applyDevice(): Promise<readonly DeviceStep[]> {
    try {
      const wanted = usable(placed(), peerRules?.())
      const unusable = summarize(wanted.problems)
      problems.set('peers', unusable && `the control plane sent what cannot be used: ${unusable}`)
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

  return {
    apply: ({ look = false } = {}) =>
      inOrder(async () => {
        await run(look, () => true)
        return untold.splice(0)
      }),
    applySoon() {
      if (soon) return
      soon = true
      inOrder(() => {
        soon = false
        // Everything else is what the event asked for.
        return run(false, isOfInterface)
      }).catch((error: unknown) => {
        log.warn('event cannot be applied, will retry', { error })
        deps.onFailure?.()
      })
    },
  }
}

const lostMesh =
  'the mesh on disk is damaged: tunnels and rules stay as they are until the control plane answers'

function isOfInterface(step: Correction): step is Correction & { type: 'interface_repaired' } {
  return step.type === 'interface_repaired'
}
