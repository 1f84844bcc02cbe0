import type { CompiledPolicy, PolicyStatus, RuleStatus } from '@plexd/protocol'
import type { RuleCounter } from './firewall.ts'
import { type MeshIpOf, matchRules, ruleName } from './rule-match.ts'
import { ownNames } from './ruleset.ts'

export interface PolicySight {
  policies: readonly CompiledPolicy[]
  meshIpOf: MeshIpOf
  counters: ReadonlyMap<string, RuleCounter>
}

/** Each rule with what it decided, and what was decided without one. Pure. */
export function describeRules({
  policies,
  meshIpOf,
  counters,
}: PolicySight): Pick<PolicyStatus, 'rules' | 'default' | 'denied'> {
  const countOf = (name: string): RuleCounter => counters.get(name) ?? { packets: 0, bytes: 0 }
  return {
    rules: policies.flatMap((policy) =>
      policy.rules.map(
        (rule, index): RuleStatus => ({
          ...rule,
          policy_id: policy.id,
          skipped: whySkipped({ id: policy.id, rules: [rule] }, meshIpOf),
          ...countOf(ruleName(policy.id, index)),
        }),
      ),
    ),
    default: countOf(ownNames.byDefault),
    denied: countOf(ownNames.denied),
  }
}

function whySkipped(policy: CompiledPolicy, meshIpOf: MeshIpOf): string {
  const [problem = ''] = matchRules([policy], meshIpOf).problems
  return problem.replace(/^.*? is skipped: /, '')
}
