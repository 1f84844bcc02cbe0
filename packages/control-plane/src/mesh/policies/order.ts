import type { PolicyRecord } from '../fleet.ts'

/** The policy a tenant starts with. */
export const catchAllName = 'allow-all'

/** Behind whatever else there will be: a deny in front of it counts, as the last line of a firewall's list does. */
export const catchAllPosition = 1_000_000_000

/** Where a new policy goes: behind those that are there, but in front of the catch-all. */
export function positionOf(
  name: string,
  policies: readonly Pick<PolicyRecord, 'position'>[],
): number {
  if (name === catchAllName) return catchAllPosition
  const taken = policies.map(({ position }) => position).filter((at) => at < catchAllPosition)
  return Math.max(0, ...taken) + 1
}
