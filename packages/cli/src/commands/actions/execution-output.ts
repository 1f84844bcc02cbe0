import { type Execution, formatNode, hasEnded } from '@plexd/protocol'
import type { Io } from '../../terminal/io.ts'
import { formatLabels, printItem, printText } from '../../terminal/output.ts'
import { requesterOf } from './requester.ts'

/** An execution with its whole output. */
export function printExecution(io: Io, execution: Execution, json: boolean | undefined): void {
  printItem(io, execution, { json, lines: describeExecution })
  if (json) return
  for (const stream of ['stdout', 'stderr'] as const) {
    if (execution[stream] === '') continue
    io.stdout.write(`${stream}:\n`)
    printText(io, execution[stream])
  }
}

function describeExecution(execution: Execution): Record<string, string> {
  const { triggered_by } = execution
  return {
    id: execution.id,
    node: formatNode(execution.node_id, execution.node_hostname),
    run: execution.run_id ?? '',
    action: execution.action,
    parameters: formatLabels(execution.parameters),
    status: statusOf(execution),
    reason: execution.reason,
    'exit code': String(execution.exit_code ?? ''),
    timeout: execution.timeout,
    duration: execution.duration,
    'triggered by': requesterOf(triggered_by),
    created: execution.created_at,
    sent: execution.sent_at ?? '',
    accepted: execution.status === 'rejected' ? '' : (execution.acked_at ?? ''),
    'cancel asked': execution.cancel_requested_at ?? '',
    expires: hasEnded(execution.status) ? '' : execution.expires_at,
    finished: execution.finished_at ?? '',
  }
}

/** With what it does not say: that the node was told to end it, or that its result came late. */
export function statusOf({ status, late, ahead, cancel_requested_at }: Execution): string {
  if (late) return `${status} (late)`
  if (status === 'accepted' && cancel_requested_at !== null) return `${status} (cancelling)`
  return ahead === undefined ? status : `${status} (behind ${ahead})`
}
