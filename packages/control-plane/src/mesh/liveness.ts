import type { NodeStatus } from '@plexd/protocol'

/** Heartbeats missed until a node is unreachable, and until its peers drop it (control API, "Heartbeat"). */
const unreachableAfter = 3
const offlineAfter = 10

/**
 * The status of a node that nothing has been heard of for `silentMs`: silence makes it worse, and only a heartbeat
 * makes it better.
 */
export function statusAfterSilence(
  status: NodeStatus,
  { silentMs, intervalMs }: { silentMs: number; intervalMs: number },
): NodeStatus {
  const missed = Math.floor(silentMs / intervalMs)
  if (missed >= offlineAfter) return 'offline'
  if (missed >= unreachableAfter && status !== 'offline') return 'unreachable'
  return status
}
