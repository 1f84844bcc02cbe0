import type { StoredExecution } from '../rows/executions.ts'

/**
 * When an execution was asked for, accepted and over, in this order. That it was accepted is by our clock, when we heard of
 * it; that it is over is by the clock of the node, and may lie before either. Pure.
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
