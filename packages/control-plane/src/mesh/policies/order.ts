import type { PolicyRecord } from '../fleet.ts'

/** The initial policy of a tenant. */
export const catchAllName = 'allow-all'

/** After all others, like the last line of a firewall's list: a deny before it takes effect. */
export const catchAllPosition = 1_000_000_000

/** The position of a new policy: after the existing ones, but before the catch-all. */
export function positionOf(
  name: string,
  policies: readonly Pick<PolicyRecord, 'position'>[],
): number {
  if (name === catchAllName) return catchAllPosition
  const taken = policies.map(({ position }) => position).filter((at) => at < catchAllPosition)
  return Math.max(0, ...taken) + 1
}
