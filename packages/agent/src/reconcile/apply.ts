import type { Peer } from '@plexd/protocol'
import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import { type Problems, summarize } from '../health/problems.ts'
import type { MeshRouting, PreparedRouting } from '../routing/mesh-routing.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DeviceStep, WireguardDevice } from '../wireguard/device/device.ts'
import { type PeerRules, usablePeers } from '../wireguard/peers/usable-peers.ts'
import type { FirewallApplier } from './firewall-applier.ts'
import type { Correction } from './plan.ts'

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
  const { device, firewall, desired, routing, peerRules, problems, log } = deps
  const inOrder = createSerialQueue()
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
    let prepared = await prepareRouting(look)
    // The conflicting address may be on our own interface, if it was renamed and another has its name.
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

  /** Whether anything was done. */
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
    problems.set('routing', failure && `the routing of the mesh cannot be set: ${failure}`)
    problems.set('mesh range', verdict.refusal ?? summarize(verdict.warnings))
    if (repaired.length > 0)
      log.info('routing repaired', { details: repaired.slice(0, maxLoggedSteps) })
    return prepared
  }

  /** A wrong route is reported, but blocks nothing. */
  async function checkRouting(): Promise<void> {
    const wrong = await routing?.check(placed()).catch((error: unknown) => [describeError(error)])
    problems.set('mesh routes', summarize(wrong ?? []))
  }

  async function applyDevice(): Promise<readonly DeviceStep[]> {
    try {
      const wanted = usablePeers(placed(), peerRules?.())
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

function isRefused(prepared: PreparedRouting | undefined): boolean {
  return prepared?.verdict.refusal !== undefined
}

type Repair = Extract<Correction, { type: 'interface_repaired' }>

function repairsOf(prepared: PreparedRouting | undefined): DeviceStep[] {
  return (prepared?.repaired ?? []).map((detail) => ({ type: 'interface_repaired', detail }))
}

function isOfInterface(step: Correction): step is Repair {
  return step.type === 'interface_repaired'
}

/** For a whole mesh the first ones are enough. */
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
