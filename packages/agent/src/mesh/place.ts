import type { Cidr } from '@plexd/protocol'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Identity, rangesOf } from '../identity/identity.ts'
import { readRange } from '../routing/local-routes.ts'
import { guessMeshRange, type PlannedPlace } from '../routing/mesh-range.ts'

/**
 * Where the control plane wants this node; what it does not say of that, the config may. `told` are the ranges of the
 * state, as far as it is known: they are newer than those of the identity.
 */
export function placeOf(
  identity: Identity,
  { meshRanges: pinned, meshInterface }: AgentConfig,
  told: readonly string[] = [],
): PlannedPlace {
  const { mesh_ip: meshIp } = identity
  const said = told.length > 0 ? told : rangesOf(identity)
  const meshRanges = said ?? pinned ?? [guessMeshRange(meshIp)]
  return { meshIp, meshRanges, pinned, interfaceName: meshInterface }
}

/** That one of them is none is told by whoever looks at the place. */
export function readableRanges(ranges: readonly string[]): Cidr[] {
  return ranges.flatMap((text) => readRange(text) ?? [])
}
