import type { AgentConfig } from '../config/agent-config.ts'
import { type Identity, rangesOf } from '../identity/identity.ts'
import { guessMeshRange } from '../routing/mesh-range.ts'
import type { PlannedPlace } from '../routing/range-faults.ts'

/**
 * The node's address and ranges as the control plane wants them; the config may fill in what it does not send. `told` are
 * the ranges from the state, if known: they are newer than those of the identity.
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
