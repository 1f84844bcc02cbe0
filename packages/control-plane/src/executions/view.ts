import type { Execution, ExecutionStatus, TriggeredBy } from '@plexd/protocol'
import { momentsOf } from './moments.ts'
import type { ExecutionRow } from './transitions.ts'

/** An execution as an operator sees it. */
export function executionView(row: ExecutionRow, node_hostname: string): Execution {
  const { created_at, acked_at, finished_at } = momentsOf(row)
  return {
    id: row.id,
    node_id: row.node_id,
    node_hostname,
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
    created_at: new Date(created_at).toISOString(),
    acked_at: acked_at === null ? null : new Date(acked_at).toISOString(),
    finished_at: finished_at === null ? null : new Date(finished_at).toISOString(),
  }
}
