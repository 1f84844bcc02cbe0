import type { Execution } from '@plexd/protocol'
import type { StoredExecution } from '../rows/executions.ts'
import { momentsOf } from './moments.ts'

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
