import type { ControlApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { ackExecution } from './ack-execution.ts'
import { compareReports } from './compare-reports.ts'
import { deregister } from './deregister.ts'
import { downloadArtifact } from './download-artifact.ts'
import { downloadInstallFile } from './download-install-file.ts'
import { finishExecution } from './finish-execution.ts'
import { getSecret } from './get-secret.ts'
import { getState } from './get-state.ts'
import { heartbeat } from './heartbeat.ts'
import { openEvents } from './open-events.ts'
import { ping } from './ping.ts'
import { putCapabilities } from './put-capabilities.ts'
import { putEndpoint } from './put-endpoint.ts'
import { register } from './register.ts'
import { reportDrift } from './report-drift.ts'
import { reportViolation } from './report-violation.ts'
import { rotateKeys } from './rotate-keys.ts'
import { sendAudit } from './send-audit.ts'
import { sendLogs } from './send-logs.ts'
import { sendMetrics } from './send-metrics.ts'
import { syncReports } from './sync-reports.ts'
import { tunnelClosed } from './tunnel-closed.ts'
import { tunnelReady } from './tunnel-ready.ts'

/** What answers each row of the control API. */
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
