import type { Peer } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import { type Problems, summarize } from '../health/problems.ts'
import type { MeshRouting, PreparedRouting } from '../routing/mesh-routing.ts'
import type { DeviceStep } from '../wireguard/device/device.ts'
import { maxLoggedSteps } from './log-steps.ts'

/** Has the mesh routed, and reports as problems what is in the way. Does nothing where others route it. */
export interface RoutingApplier {
  /** With `look` the routes are read even if no change was noticed. */
  prepare(look: boolean): Promise<PreparedRouting | undefined>
  /** A wrong route is reported, but blocks nothing. */
  check(peers: readonly Peer[]): Promise<void>
}

export function createRoutingApplier({
  routing,
  problems,
  log,
}: {
  routing?: MeshRouting
  problems: Problems
  log: Log
}): RoutingApplier {
  return {
    async prepare(look) {
      const prepared = await routing?.prepare({ look })
      if (!prepared) return undefined
      const { verdict, repaired, failure } = prepared
      problems.set('routing', failure && `the routing of the mesh cannot be set: ${failure}`)
      problems.set('mesh range', verdict.refusal ?? summarize(verdict.warnings))
      if (repaired.length > 0)
        log.info('routing repaired', { details: repaired.slice(0, maxLoggedSteps) })
      return prepared
    },
    async check(peers) {
      const wrong = await routing?.check(peers).catch((error: unknown) => [describeError(error)])
      problems.set('mesh routes', summarize(wrong ?? []))
    },
  }
}

export function isRefused(prepared: PreparedRouting | undefined): boolean {
  return prepared?.verdict.refusal !== undefined
}

export function repairsOf(prepared: PreparedRouting | undefined): DeviceStep[] {
  return (prepared?.repaired ?? []).map((detail) => ({ type: 'interface_repaired', detail }))
}
