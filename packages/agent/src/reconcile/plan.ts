import { isDeepStrictEqual as isSame } from 'node:util'
import type { SigningKeys } from '@plexd/protocol'
import type { DesiredState } from '../state/desired-state.ts'
import type { DeviceStep } from '../wireguard/device/device.ts'

/**
 * A correction of one difference between desired and actual state, named as in
 * POST /v1/nodes/{node_id}/drift.
 */
export type Correction =
  | DeviceStep
  | { type: 'firewall_restored'; detail: string }
  | { type: 'policy_removed' | 'policy_added'; policy_id: string }
  | { type: 'signing_keys_updated' | 'metadata_updated' | 'data_updated' | 'secret_refs_updated' }

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

/** A policy whose rules changed is removed and added. Null: nothing enforces policies, so none can be missing. */
export function planPolicies(
  desired: DesiredState['policies'],
  observed: Observed['policies'],
): Correction[] {
  if (observed === null) return []
  return [
    ...differing(observed, desired).map(
      (policy_id) => ({ type: 'policy_removed', policy_id }) as const,
    ),
    ...differing(desired, observed).map(
      (policy_id) => ({ type: 'policy_added', policy_id }) as const,
    ),
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
