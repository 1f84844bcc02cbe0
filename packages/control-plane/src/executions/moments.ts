import type { StoredExecution } from '../rows/executions.ts'

/**
 * When an execution was requested, accepted and finished, in ascending order. Acceptance is timed by our clock;
 * completion is reported by the node's clock, and may appear earlier than either. Pure.
 */
export function momentsOf({
  created_at,
  acked_at,
  finished_at,
}: Pick<StoredExecution, 'created_at' | 'acked_at' | 'finished_at'>) {
  const finished = finished_at === null ? null : Math.max(created_at, finished_at)
  const accepted = acked_at === null ? null : Math.min(acked_at, finished ?? acked_at)
  return { created_at, acked_at: accepted, finished_at: finished }
}
