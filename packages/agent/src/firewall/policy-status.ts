import type { CompiledPolicy, Peer, PolicyStatus, RuleStatus } from '@plexd/protocol'
import type { RuleCounter } from './nft/counters.ts'
import { ownNames } from './rules/deciding-chains.ts'
import { type MeshIpOf, ruleName, whySkipped } from './rules/rule-match.ts'

export interface PolicySight {
  policies: readonly CompiledPolicy[]
  meshIpOf: MeshIpOf
  hostnameOf: HostnameOf
  counters: ReadonlyMap<string, RuleCounter>
}

/** What the node is called that a side of a rule is; empty for any other side. */
export type HostnameOf = (side: string) => string

/** Rules name a node by its address, and those of other control planes by its id. Pure. */
export function nameSides(nodes: Iterable<Pick<Peer, 'id' | 'mesh_ip' | 'hostname'>>): HostnameOf {
  const names = new Map<string, string>()
  for (const { id, mesh_ip, hostname = '' } of nodes)
    for (const side of [id, mesh_ip, `${mesh_ip}/32`]) names.set(side, hostname)
  return (side) => names.get(side) ?? ''
}

/** Each rule with what it decided, and what was decided without one. Pure. */
export function describeRules({
  policies,
  meshIpOf,
  hostnameOf,
  counters,
}: PolicySight): Pick<PolicyStatus, 'rules' | 'default' | 'denied'> {
  const countOf = (name: string): RuleCounter => counters.get(name) ?? { packets: 0, bytes: 0 }
  return {
    rules: policies.flatMap((policy) =>
      policy.rules.map(
        (rule, index): RuleStatus => ({
          ...rule,
          policy_id: policy.id,
          policy_name: policy.name ?? '',
          src_hostname: hostnameOf(rule.src),
          dst_hostname: hostnameOf(rule.dst),
          skipped: whySkipped(rule, meshIpOf),
          ...countOf(ruleName(policy.id, index)),
        }),
      ),
    ),
    default: countOf(ownNames.byDefault),
    denied: countOf(ownNames.denied),
  }
}
