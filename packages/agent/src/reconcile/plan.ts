import { isDeepStrictEqual as isSame } from 'node:util'
import type { SigningKeys } from '@plexd/protocol'
import type { ObservedFirewall } from '../firewall/nft/listing.ts'
import type { Ruleset } from '../firewall/rules/ruleset.ts'
import type { DesiredState } from '../state/desired-state.ts'
import type { DeviceStep } from '../wireguard/device/device.ts'

/**
 * A correction of one difference between desired and actual state, named as in
 * POST /v1/nodes/{node_id}/drift.
 */
export type Correction =
  | DeviceStep
  | FirewallStep
  | { type: 'signing_keys_updated' | 'metadata_updated' | 'data_updated' | 'secret_refs_updated' }

/** The corrections of the packet filter. All are applied at once. */
export type FirewallStep = { type: 'firewall_restored'; detail: string } | PolicyStep

type PolicyStep = { type: 'policy_removed' | 'policy_added'; policy_id: string }

/** The previous state. */
export type Observed = Pick<DesiredState, 'metadata' | 'data' | 'secret_refs'> & {
  signing_keys: SigningKeys
  /** Null if nothing enforces policies: then none can be missing. */
  policies: DesiredState['policies'] | null
}

/**
 * The corrections that take effect when the state is stored. A policy whose rules changed is removed and added, in one step for the
 * firewall. The order of entries does not matter, that of rules does.
 */
export function planContent(
  desired: Omit<DesiredState, 'peers' | 'revision'>,
  observed: Observed,
): Correction[] {
  const signingKeys = desired.signing_keys ?? observed.signing_keys
  const same = {
    signing_keys_updated: isSame(keysOf(signingKeys), keysOf(observed.signing_keys)),
    metadata_updated: isSame(desired.metadata, observed.metadata),
    data_updated: isSame(byKey(desired.data), byKey(observed.data)),
    secret_refs_updated: isSame(byKey(desired.secret_refs), byKey(observed.secret_refs)),
  }
  const types = Object.keys(same) as (keyof typeof same)[] // built just above
  return [
    ...planPolicies(desired.policies, observed.policies),
    ...types.filter((type) => !same[type]).map((type) => ({ type })),
  ]
}

/** The corrections from the observed table to the ruleset; none if it matches. Pure. */
export function planFirewall(
  {
    ruleset,
    policies,
    lastPolicies,
  }: {
    ruleset: Ruleset
    policies: DesiredState['policies']
    /** The last policies this process put in force; undefined if there are none. */
    lastPolicies: DesiredState['policies'] | undefined
  },
  { state, digest }: ObservedFirewall,
): FirewallStep[] {
  if (state === 'intact' && digest === ruleset.digest) return []
  const changes = planPolicies(policies, lastPolicies ?? null)
  if (state === 'intact' && changes.length > 0) return changes
  return [{ type: 'firewall_restored', detail: details[state] }, ...changes]
}

const details: Record<ObservedFirewall['state'], string> = {
  missing: 'table inet plexd was missing',
  changed: 'table inet plexd had been changed by another program',
  intact: 'table inet plexd held older rules',
}

function planPolicies(
  desired: DesiredState['policies'],
  observed: Observed['policies'],
): PolicyStep[] {
  if (observed === null) return []
  const removed = differing(observed, desired)
  const added = differing(desired, observed)
  return [
    ...removed.map((policy_id): PolicyStep => ({ type: 'policy_removed', policy_id })),
    ...added.map((policy_id): PolicyStep => ({ type: 'policy_added', policy_id })),
  ]
}

/** Ids of the policies that the others lack, or have with different rules. */
function differing(policies: DesiredState['policies'], others: DesiredState['policies']): string[] {
  const known = new Map(others.map((policy) => [policy.id, policy]))
  return policies.filter((policy) => !isSame(policy, known.get(policy.id))).map(({ id }) => id)
}

function keysOf({ current, previous }: SigningKeys): (string | null)[] {
  return [current, previous ?? null]
}

function byKey<Item extends { key: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.key, item]))
}
