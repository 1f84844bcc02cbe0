import type { NodeStatus } from '@plexd/protocol'

/** Missed heartbeats until a node is unreachable, and until its peers remove it (control API, "Heartbeat"). */
const unreachableAfter = 3
const offlineAfter = 10

/**
 * The status of a node that has been silent for `silentMs`: silence only makes it worse, only a heartbeat
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
