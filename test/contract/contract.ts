import type { ControlApi } from '@plexd/protocol'
import { downloadArtifactCases, downloadInstallFileCases } from './cases/artifacts.ts'
import { ackExecutionCases, finishExecutionCases } from './cases/executions.ts'
import {
  pingCases,
  proveInstallationCases,
  reportViolationCases,
  tunnelClosedCases,
  tunnelReadyCases,
} from './cases/extras.ts'
import {
  deregisterCases,
  heartbeatCases,
  putCapabilitiesCases,
  putEndpointCases,
  rotateKeysCases,
} from './cases/life.ts'
import { uploadRecordingCases } from './cases/recordings.ts'
import { registerCases } from './cases/registration.ts'
import { compareReportsCases } from './cases/reports.ts'
import { relaySessionCases } from './cases/sessions.ts'
import { getSecretCases, getStateCases, reportDriftCases, syncReportsCases } from './cases/state.ts'
import { openEventsCases } from './cases/stream.ts'
import { sendAuditCases, sendLogsCases, sendMetricsCases } from './cases/telemetry.ts'
import type { ContractCase } from './contract-case.ts'

/** What each operation answers. An operation without cases does not compile. */
export const contract: { [Name in keyof ControlApi]: ContractCase[] } = {
  register: registerCases,
  openEvents: openEventsCases,
  heartbeat: heartbeatCases,
  deregister: deregisterCases,
  rotateKeys: rotateKeysCases,
  putCapabilities: putCapabilitiesCases,
  putEndpoint: putEndpointCases,
  getState: getStateCases,
  reportDrift: reportDriftCases,
  getSecret: getSecretCases,
  syncReports: syncReportsCases,
  ackExecution: ackExecutionCases,
  finishExecution: finishExecutionCases,
  sendMetrics: sendMetricsCases,
  sendLogs: sendLogsCases,
  sendAudit: sendAuditCases,
  downloadArtifact: downloadArtifactCases,
  downloadInstallFile: downloadInstallFileCases,
  ping: pingCases,
  proveInstallation: proveInstallationCases,
  tunnelReady: tunnelReadyCases,
  tunnelClosed: tunnelClosedCases,
  uploadRecording: uploadRecordingCases,
  compareReports: compareReportsCases,
  reportViolation: reportViolationCases,
  relaySession: relaySessionCases,
}
