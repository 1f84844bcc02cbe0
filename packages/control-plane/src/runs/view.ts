import { formatDuration, type Run, type RunNode, type RunNodeStatus } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import type { StoredRunNode } from '../rows/executions/run-nodes.ts'
import type { StoredRun } from '../rows/executions/runs.ts'
import { isOver } from './decide.ts'
import { reasonOf } from './reason.ts'

/** A run that is shown: one that is being prepared is not. */
export function runView(run: StoredRun): Run {
  const { state, waiting } = run
  if (state === 'preparing') throw new Error(`show run "${run.id}": it is being prepared`)
  const { running, succeeded, failed, cancelled, skipped } = run
  const over = isOver(state)
  return {
    id: run.id,
    action: run.action,
    parameters: run.parameters,
    timeout: run.timeout,
    expires: run.expires,
    healthy_within: run.criterion && formatDuration(run.criterion.withinMs),
    selector: run.selector,
    max_parallel: run.max_parallel,
    max_failures: run.max_failures,
    canary: run.canary,
    state,
    reason: reasonOf({ ...run, state }),
    counts: {
      total: waiting + running + succeeded + failed + cancelled + skipped,
      waiting: over ? 0 : waiting,
      running,
      succeeded,
      failed,
      cancelled,
      skipped,
      not_started: over ? waiting : 0,
    },
    retry_of: run.retry_of,
    schedule: run.schedule,
    triggered_by: run.triggered_by,
    created_at: new Date(run.created_at).toISOString(),
    run_expires_at: new Date(run.expires_at).toISOString(),
    ended_at: isoTime(run.ended_at),
  }
}

export function runNodeView(run: StoredRun, node: StoredRunNode, node_hostname: string): RunNode {
  const { node_id, reason, execution_id, exit_code, started_at, ended_at } = node
  return {
    node_id,
    node_hostname,
    status: shownStatus(run, node),
    reason,
    execution_id,
    exit_code,
    started_at: isoTime(started_at),
    ended_at: isoTime(ended_at),
  }
}

function shownStatus({ state }: StoredRun, { status }: StoredRunNode): RunNodeStatus {
  return hasEnded(state) && status === 'waiting' ? 'not_started' : status
}

/** The statuses that are stored for one that is asked for, or undefined when the run has none such. */
export function storedStatus(
  { state }: StoredRun,
  status: RunNodeStatus,
): StoredRunNode['status'] | undefined {
  const over = hasEnded(state)
  if (status === 'not_started') return over ? 'waiting' : undefined
  return over && status === 'waiting' ? undefined : status
}

function hasEnded(state: StoredRun['state']): boolean {
  return state !== 'preparing' && isOver(state)
}
