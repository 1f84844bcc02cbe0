import { createHash } from 'node:crypto'
import type { NodeRecord } from './fleet.ts'

/** Keys are renewed in the last tenth of their time, each at its own moment: nodes often come all on one day. */
const spread = 0.1

/**
 * The nodes of one tenant that should get a new key now, oldest key first. Asked every five seconds it names one at a
 * time, in large tenants one in 1,200: a rotation takes three, and two nodes that rotate together have no key in
 * common for so long. Nodes that are not there, that have been asked, or that cannot do it (the Go agent) are left
 * alone. Pure.
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

/** Its own moment is only worked out when there can be one: a large tenant has thousands of keys that are young. */
function isDue(node: NodeRecord, ageMs: number, maxAgeMs: number): boolean {
  return ageMs >= maxAgeMs * (1 - spread) && ageMs >= maxAgeMs * (1 - spread * shareOf(node))
}

/** A number from 0 to 1 that is another one for each key. */
function shareOf({ id, key_epoch }: NodeRecord): number {
  return createHash('sha256').update(`${id} ${key_epoch}`).digest().readUInt32LE() / 2 ** 32
}
