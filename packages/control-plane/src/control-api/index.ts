import type { ControlApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { downloadArtifact } from './artifacts/download-artifact.ts'
import { downloadInstallFile } from './artifacts/download-install-file.ts'
import { ackExecution } from './executions/ack-execution.ts'
import { finishExecution } from './executions/finish-execution.ts'
import { deregister } from './life/deregister.ts'
import { heartbeat } from './life/heartbeat.ts'
import { ping } from './life/ping.ts'
import { putCapabilities } from './life/put-capabilities.ts'
import { putEndpoint } from './life/put-endpoint.ts'
import { register } from './life/register.ts'
import { rotateKeys } from './life/rotate-keys.ts'
import { compareReports } from './reports/compare-reports.ts'
import { syncReports } from './reports/sync-reports.ts'
import { tunnelClosed } from './sessions/tunnel-closed.ts'
import { tunnelReady } from './sessions/tunnel-ready.ts'
import { getSecret } from './state/get-secret.ts'
import { getState } from './state/get-state.ts'
import { openEvents } from './state/open-events.ts'
import { reportDrift } from './telemetry/report-drift.ts'
import { reportViolation } from './telemetry/report-violation.ts'
import { sendAudit } from './telemetry/send-audit.ts'
import { sendLogs } from './telemetry/send-logs.ts'
import { sendMetrics } from './telemetry/send-metrics.ts'

/** The handler of each row of the control API. */
export const controlHandlers: Handlers<ControlApi> = {
  register,
  openEvents,
  heartbeat,
  deregister,
  rotateKeys,
  putCapabilities,
  putEndpoint,
  getState,
  reportDrift,
  getSecret,
  syncReports,
  ackExecution,
  finishExecution,
  sendMetrics,
  sendLogs,
  sendAudit,
  downloadArtifact,
  downloadInstallFile,
  ping,
  tunnelReady,
  tunnelClosed,
  compareReports,
  reportViolation,
}
