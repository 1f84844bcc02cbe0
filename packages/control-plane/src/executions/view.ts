import type { Execution, ExecutionStatus, TriggeredBy } from '@plexd/protocol'
import type { ExecutionRow } from './transitions.ts'

/** An execution as an operator sees it. */
export function executionView(row: ExecutionRow): Execution {
  return {
    id: row.id,
    node_id: row.node_id,
    action: row.action,
    parameters: JSON.parse(row.parameters) as Record<string, string>, // written by us, checked when it came in
    timeout: row.timeout,
    status: row.status as ExecutionStatus, // only transitions.ts and the expiry write it
    reason: row.reason,
    exit_code: row.exit_code,
    stdout: row.stdout,
    stderr: row.stderr,
    duration: row.duration,
    triggered_by: JSON.parse(row.triggered_by) as TriggeredBy, // as the parameters
    created_at: new Date(row.created_at).toISOString(),
    acked_at: row.acked_at === null ? null : new Date(row.acked_at).toISOString(),
    finished_at: row.finished_at === null ? null : new Date(row.finished_at).toISOString(),
  }
}
