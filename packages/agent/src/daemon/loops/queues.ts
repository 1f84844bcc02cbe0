import type { Capabilities } from '@plexd/protocol'
import { type ActionExecutor, createActionExecutor } from '../../actions/executor.ts'
import { type ExecutionOutbox, startExecutionOutbox } from '../../control/execution-outbox.ts'
import { startReportOffer } from '../../control/reports/offer.ts'
import { startReportSync } from '../../control/reports/sync.ts'
import { createMark } from '../../disk/mark.ts'
import { startViolationReports } from '../../hooks/violations.ts'
import { type DriftReports, startDriftReports } from '../../reconcile/drift-report.ts'
import { createCapabilityMark, startCapabilitySync } from '../../registration/capabilities.ts'
import { startRecordingUpload } from '../../sessions/recording/upload.ts'
import { startSessionDelivery } from '../../sessions/session-reports.ts'
import { decidesExecution } from '../../upgrade/version-state.ts'
import type { Enrolled } from '../stages/enrolled.ts'
import type { Waiting } from '../stages/status.ts'

export interface Queues {
  readonly drift: DriftReports
  readonly executor: ActionExecutor
  readonly outbox: ExecutionOutbox
  waiting(): Waiting
  /** What the node can do may have changed. */
  announce(): void
  /** The control plane is back. */
  wake(): void
}

/** The durable queues to the control plane, and the actions whose results they carry. Ends with the stack. */
export function startQueues(
  node: Enrolled,
  capabilities: () => Capabilities,
  stack: AsyncDisposableStack,
): Queues {
  const { config, queues, gate } = node
  const outbox = stack.use(
    startExecutionOutbox({
      ...node,
      queue: queues.executions,
      limits: config.limits,
      isHandedOver: (id) => decidesExecution(node.versions.read(), id),
    }),
  )
  const drift = stack.use(startDriftReports({ ...node, queue: queues.drift }))
  const known = createCapabilityMark(node.database, gate.life)
  const capabilitySync = stack.use(startCapabilitySync(capabilities, known, node))
  stack.defer(node.actions.onChange(capabilitySync.added))
  const violations = stack.use(startViolationReports(queues.violations, node))
  const sessions = stack.use(startSessionDelivery(queues.sessions, node))
  const recordings = stack.use(startRecordingUpload(queues.recordings, node))
  const { reports, offer } = startReports(node, stack)
  const executor = stack.use(createActionExecutor({ ...node, outbox }))
  return {
    drift,
    executor,
    outbox,
    waiting: () => ({
      results: outbox.pendingCount(),
      refusedReports: reports.setAside(),
      refused: {
        executions: outbox.refused(),
        drift: drift.refused(),
        violations: violations.refused(),
        sessions: sessions.refused(),
        recordings: recordings.refused(),
      },
    }),
    announce: capabilitySync.added,
    wake() {
      const sent = [outbox, drift, violations, sessions, recordings]
      for (const queue of [...sent, capabilitySync, reports, offer]) queue.wake()
    },
  }
}

/** Of local programs. */
function startReports(node: Enrolled, stack: AsyncDisposableStack) {
  const { config, database, client, gate, nodeId: node_id, reports: store } = node
  const mark = createMark(database, 'reports_compared')
  return {
    reports: stack.use(
      startReportSync({
        ...{ ...node, store },
        send: (body, signal) => client.syncReports({ params: { node_id }, body, signal }),
        debounceMs: config.reportDebounceMs,
      }),
    ),
    offer: stack.use(startReportOffer({ ...node, store, life: gate.life, mark })),
  }
}
