import { createHash } from 'node:crypto'
import type { NodeRecord } from './fleet.ts'

/** Keys are renewed in the last tenth of their time, each at its own moment: nodes often come all on one day. */
const spread = 0.1

/**
 * The nodes of one tenant that should get a new key now, oldest key first. At most one in a hundred, one at least: a
 * rotation takes seconds, so no larger part of a mesh is busy with it while this is asked once a minute. Nodes that
 * are not there, that have been asked, or that cannot do it (the Go agent) are left alone. Pure.
 */
export function oldKeys(
  nodes: readonly NodeRecord[],
  { maxAgeMs, nowMs }: { maxAgeMs: number; nowMs: number },
): NodeRecord[] {
  const atMost = Math.max(1, Math.floor(nodes.length / 100))
  return nodes
    .filter(({ status, is_go, rotate_keys }) => status === 'online' && !is_go && !rotate_keys)
    .filter((node) => node.key_changed_at + maxAgeMs * (1 - spread * shareOf(node)) <= nowMs)
    .toSorted((a, b) => a.key_changed_at - b.key_changed_at)
    .slice(0, atMost)
}

/** A number from 0 to 1 that is another one for each key. */
function shareOf({ id, key_epoch }: NodeRecord): number {
  return createHash('sha256').update(`${id} ${key_epoch}`).digest().readUInt32LE() / 2 ** 32
}
