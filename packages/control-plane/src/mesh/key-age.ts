import { createHash } from 'node:crypto'
import type { NodeRecord } from './fleet.ts'

/** Keys are rotated in the last tenth of their lifetime, each at its own time, because nodes are often enrolled on the same day. */
const spread = 0.1

/**
 * The nodes of one tenant that should rotate their key now, oldest key first. Called every five seconds, it names one at a
 * time, in large tenants one in 1,200: a rotation takes three seconds, and two nodes that rotate together have no common
 * key for that long. Skips nodes that are offline, have already been asked, or cannot rotate (the Go agent).
 * Pure.
 */
export function oldKeys(
  nodes: readonly NodeRecord[],
  { maxAgeMs, nowMs }: { maxAgeMs: number; nowMs: number },
): NodeRecord[] {
  const atMost = Math.max(1, Math.floor(nodes.length / 1_200))
  return nodes
    .filter(({ status, is_go, rotate_keys }) => status === 'online' && !is_go && !rotate_keys)
    .filter((node) => isDue(node, nowMs - node.key_changed_at, maxAgeMs))
    .toSorted((a, b) => a.key_changed_at - b.key_changed_at)
    .slice(0, atMost)
}

/** Computed only if the key may be due: a large tenant has thousands of recent keys. */
function isDue(node: NodeRecord, ageMs: number, maxAgeMs: number): boolean {
  return ageMs >= maxAgeMs * (1 - spread) && ageMs >= maxAgeMs * (1 - spread * shareOf(node))
}

/** A number from 0 to 1 derived from the key. */
function shareOf({ id, key_epoch }: NodeRecord): number {
  return createHash('sha256').update(`${id} ${key_epoch}`).digest().readUInt32LE() / 2 ** 32
}
