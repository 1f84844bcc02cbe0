import type { Execution } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import { countAhead } from '../rows/executions/execution-queue.ts'
import type { StoredExecution } from '../rows/executions/executions.ts'
import { readRunsOf } from '../rows/executions/run-nodes.ts'
import type { Reader } from '../store/db.ts'

/** An execution as an operator sees it. */
export function executionView(
  row: StoredExecution,
  node_hostname: string,
  { run_id = null, ahead }: { run_id?: string | null | undefined; ahead?: number | undefined },
): Execution {
  const { created_at, acked_at, finished_at } = momentsOf(row)
  return {
    id: row.id,
    node_id: row.node_id,
    node_hostname,
    run_id,
    action: row.action,
    parameters: row.parameters,
    timeout: row.timeout,
    status: row.status,
    reason: row.reason,
    ...(ahead === undefined ? {} : { ahead }),
    late: row.late,
    exit_code: row.exit_code,
    stdout: row.stdout,
    stderr: row.stderr,
    duration: row.duration,
    triggered_by: row.triggered_by,
    created_at: new Date(created_at).toISOString(),
    sent_at: isoTime(row.sent_at),
    acked_at: isoTime(acked_at),
    cancel_requested_at: isoTime(row.cancel_requested_at),
    expires_at: new Date(row.deadline_at).toISOString(),
    finished_at: isoTime(finished_at),
  }
}

/** The same with its run, and its place in the queue. */
export async function executionDetail(
  reader: Reader,
  row: StoredExecution,
  node_hostname: string,
): Promise<Execution> {
  const ahead = row.status === 'queued' ? await countAhead(reader, row) : undefined
  const run_id = (await readRunsOf(reader, [row.id])).get(row.id)
  return executionView(row, node_hostname, { run_id, ahead })
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
