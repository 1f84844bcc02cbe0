import type { Execution } from '@plexd/protocol'
import type { StoredExecution } from '../rows/executions.ts'

/** An execution as an operator sees it. */
export function executionView(row: StoredExecution, node_hostname: string): Execution {
  const { created_at, acked_at, finished_at } = momentsOf(row)
  return {
    id: row.id,
    node_id: row.node_id,
    node_hostname,
    action: row.action,
    parameters: row.parameters,
    timeout: row.timeout,
    status: row.status,
    reason: row.reason,
    exit_code: row.exit_code,
    stdout: row.stdout,
    stderr: row.stderr,
    duration: row.duration,
    triggered_by: row.triggered_by,
    created_at: new Date(created_at).toISOString(),
    acked_at: acked_at === null ? null : new Date(acked_at).toISOString(),
    finished_at: finished_at === null ? null : new Date(finished_at).toISOString(),
  }
}

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
