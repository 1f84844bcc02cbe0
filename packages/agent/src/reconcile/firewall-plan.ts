import type { ObservedFirewall } from '../firewall/nft/listing.ts'
import type { Ruleset } from '../firewall/rules/ruleset.ts'
import type { DesiredState } from '../state/desired-state.ts'
import { type Correction, planPolicies } from './plan.ts'

/** The corrections of the table, named as in POST /v1/nodes/{node_id}/drift. All are applied at once. */
export type FirewallStep = Extract<
  Correction,
  { type: 'firewall_restored' | 'policy_removed' | 'policy_added' }
>

export interface FirewallGoal {
  ruleset: Ruleset
  policies: DesiredState['policies']
  /** The last policies this process put in force; undefined if there are none. */
  lastPolicies: DesiredState['policies'] | undefined
}

/** The corrections from the observed table to the ruleset; none if it matches. Pure. */
export function planFirewall(
  { ruleset, policies, lastPolicies }: FirewallGoal,
  { state, digest }: ObservedFirewall,
): FirewallStep[] {
  if (state === 'intact' && digest === ruleset.digest) return []
  const changes = planPolicies(policies, lastPolicies ?? null).filter(isPolicyStep)
  if (state === 'intact' && changes.length > 0) return changes
  return [{ type: 'firewall_restored', detail: details[state] }, ...changes]
}

const details: Record<ObservedFirewall['state'], string> = {
  missing: 'table inet plexd was missing',
  changed: 'table inet plexd had been changed by another program',
  intact: 'table inet plexd held older rules',
}

function isPolicyStep(step: Correction): step is Extract<Correction, { policy_id: string }> {
  return step.type === 'policy_removed' || step.type === 'policy_added'
}
