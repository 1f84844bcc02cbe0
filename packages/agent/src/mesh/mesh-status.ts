import { ApiError, type NetworkStatus, type PolicyStatus } from '@plexd/protocol'
import type { AgentConfig } from '../config/agent-config.ts'
import { describeRules, nameSides, type PolicySight } from '../firewall/policy-status.ts'
import type { Problems } from '../health/problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'

/** The observed state of this machine's mesh, whether it exists yet or not. */
export interface MeshStatus
  extends Pick<WireguardDevice, 'interfaceName' | 'backend' | 'disabledBecause'> {
  /** The ranges (CIDR) routed into it; none before the first observation, or if it is refused. */
  ranges: readonly string[]
}

/** Why there is no mesh. */
export function whyNoMesh({ meshEnabled }: AgentConfig): string {
  return meshEnabled
    ? 'nothing opened an interface'
    : 'switched off by --no-mesh or "mesh.enabled: false"'
}

interface Filtering extends Pick<PolicySight, 'meshIpOf' | 'counters'> {
  isFiltered: boolean
  disabledBecause: string | undefined
  /** This node, once known. */
  self: readonly { id: string; mesh_ip: string; hostname: string }[]
}

/** The policies, and whether they are in force. */
export function describePolicies(
  deps: { config: AgentConfig; desired: Pick<DesiredStore, 'current'>; problems: Problems },
  { isFiltered, disabledBecause, self, meshIpOf, counters }: Filtering,
): PolicyStatus {
  const { policies, peers } = deps.desired.current()
  const unfiltered = disabledBecause ?? 'switched off by "policy.enabled: false"'
  return {
    filtering: isFiltered,
    reason: isFiltered ? deps.problems.of('firewall') : unfiltered,
    default_action: deps.config.policyDefault,
    ...describeRules({
      policies,
      meshIpOf,
      hostnameOf: nameSides([...peers, ...self]),
      counters,
    }),
  }
}

/** Throws an ApiError: why no public endpoint is being discovered. */
export function refuseNetwork({
  disabledBecause,
  isLookedFor,
}: {
  disabledBecause: string | undefined
  isLookedFor: boolean
}): Promise<NetworkStatus> {
  // Permanent: asking again gives the same answer.
  if (disabledBecause !== undefined)
    throw new ApiError(
      'conflict',
      `this node has no mesh, and so no endpoint that peers could use: it is ${disabledBecause}: bring it up with "plexd up --mesh"`,
    )
  if (!isLookedFor)
    throw new ApiError(
      'conflict',
      'this node does not look for its public endpoint: that is switched off by "nat_traversal.enabled: false"',
    )
  throw new ApiError('unavailable', 'no public endpoint: the node is not registered yet')
}
