import { Type } from 'typebox'
import { ExecutionAck, ExecutionResult } from '../executions/execution.ts'
import { Capabilities } from '../nodes/capabilities.ts'
import { EndpointReport, EndpointResponse } from '../nodes/endpoint.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../nodes/heartbeat.ts'
import { Challenge, InstallationProof } from '../nodes/installation-proof.ts'
import { DriftReport, NodeState, ReportSync, SealedSecret } from '../nodes/node-state.ts'
import {
  RegisterRequest,
  RegisterResponse,
  RotateKeysRequest,
  RotateKeysResponse,
} from '../nodes/registration.ts'
import { ReportComparison, ReportDifference } from '../nodes/report-comparison.ts'
import { operation } from '../operations/operation.ts'
import { maxRecordingChunkBytes } from '../sessions/recording.ts'
import { TunnelClosed, TunnelReady } from '../sessions/tunnel.ts'
import { BatchResponse, IntegrityViolation } from '../telemetry/records.ts'

/** Empty answers still have a body, because Go nodes decode it. */
const Empty = Type.Object({})

const kibibyte = 1024
const mebibyte = 1024 * kibibyte
const read = { method: 'GET', auth: 'node' } as const
/** What a node tells, and is only told that it was heard. */
const report = { method: 'POST', auth: 'node', response: Empty } as const
const batch = {
  method: 'POST',
  auth: 'node',
  requestKind: 'batch',
  response: BatchResponse,
  status: 202,
  maxBodyBytes: 16 * mebibyte,
  maxValues: 2_000_000,
  gateStatus: 413,
  errors: [413, 429],
} as const

/** plexd to control plane: the 17 operations of the specification in its order, then further ones that the Go client calls. */
export const controlApi = {
  register: operation({
    method: 'POST',
    path: '/v1/register',
    auth: 'bootstrap',
    summary: 'Enrol a node with a one-time bootstrap token',
    request: RegisterRequest,
    response: RegisterResponse,
    responseKind: 'json-text',
    status: 201,
    errors: [400, 409],
    // Unauthenticated, so the limit is small; larger capabilities are sent with PUT. The Go agent retries a 413 for five minutes.
    maxBodyBytes: 64 * kibibyte,
    maxValues: 10_000,
    gateStatus: 400,
  }),
  openEvents: operation({
    ...read,
    path: '/v1/nodes/{node_id}/events',
    summary: 'Stream signed events; Last-Event-ID resumes',
    responseKind: 'event-stream',
  }),
  heartbeat: operation({
    method: 'POST',
    path: '/v1/nodes/{node_id}/heartbeat',
    auth: 'node',
    unlimited: true,
    summary: 'Report that the node is alive',
    request: HeartbeatRequest,
    response: HeartbeatResponse,
    maxBodyBytes: 64 * 1024,
  }),
  deregister: operation({
    ...report,
    path: '/v1/nodes/{node_id}/deregister',
    // A removed node may repeat the call: the answer to the first may have been lost.
    forDeparted: true,
    unlimited: true,
    summary: 'Leave the mesh; may be repeated',
  }),
  rotateKeys: operation({
    method: 'POST',
    path: '/v1/keys/rotate',
    auth: 'node',
    summary: 'Replace the WireGuard key of the node, and with it its PSKs, its NSK and its token',
    request: RotateKeysRequest,
    response: RotateKeysResponse,
    errors: [400, 403, 409],
  }),
  putCapabilities: operation({
    method: 'PUT',
    path: '/v1/nodes/{node_id}/capabilities',
    auth: 'node',
    summary: 'Replace what the node can do',
    request: Capabilities,
    response: Empty,
  }),
  putEndpoint: operation({
    method: 'PUT',
    path: '/v1/nodes/{node_id}/endpoint',
    auth: 'node',
    summary: 'Report the public endpoint; answers with those of the peers',
    request: EndpointReport,
    response: EndpointResponse,
    errors: [400],
  }),
  getState: operation({
    ...read,
    path: '/v1/nodes/{node_id}/state',
    summary: 'Pull the whole desired state; If-None-Match answers 304',
    response: NodeState,
    responseKind: 'json-text',
    otherStatuses: [304],
  }),
  reportDrift: operation({
    ...report,
    path: '/v1/nodes/{node_id}/drift',
    summary: 'Report what reconciliation corrected',
    request: DriftReport,
  }),
  getSecret: operation({
    ...read,
    path: '/v1/nodes/{node_id}/secrets/{key}',
    summary: "Fetch a secret, sealed with the node's secret key",
    response: SealedSecret,
  }),
  syncReports: operation({
    ...report,
    path: '/v1/nodes/{node_id}/report',
    summary: 'Sync report entries and deletions',
    request: ReportSync,
    requestKind: 'json-stream',
    errors: [409, 413],
    maxBodyBytes: 4 * mebibyte,
    gateStatus: 413,
  }),
  ackExecution: operation({
    ...report,
    path: '/v1/nodes/{node_id}/executions/{execution_id}/ack',
    summary: 'Accept or reject an action request',
    request: ExecutionAck,
    errors: [409],
  }),
  finishExecution: operation({
    ...report,
    path: '/v1/nodes/{node_id}/executions/{execution_id}/result',
    summary: 'Report the result of an action; may be repeated',
    request: ExecutionResult,
    requestKind: 'json-stream',
    errors: [409],
    maxBodyBytes: 16 * mebibyte,
    maxValues: 1_000,
  }),
  sendMetrics: operation({
    ...batch,
    path: '/v1/nodes/{node_id}/metrics',
    summary: 'Send a batch of metric points',
  }),
  sendLogs: operation({
    ...batch,
    path: '/v1/nodes/{node_id}/logs',
    summary: 'Send a batch of log records',
  }),
  sendAudit: operation({
    ...batch,
    path: '/v1/nodes/{node_id}/audit',
    summary: 'Send a batch of audit records',
  }),
  downloadArtifact: operation({
    ...read,
    path: '/v1/artifacts/plexd/{version}/{os}/{arch}',
    summary: 'Download a plexd binary; Range is honoured',
    responseKind: 'bytes',
    otherStatuses: [206, 304],
    errors: [400, 404, 416],
  }),
  downloadInstallFile: operation({
    method: 'GET',
    path: '/v1/artifacts/plexd-install/{version}/{file}',
    auth: 'none',
    summary:
      'Download `plexd-linux-{arch}` or `checksums.sha256`, the layout of the install script',
    responseKind: 'bytes',
    otherStatuses: [206, 304],
    errors: [400, 404, 416],
  }),
  ping: operation({
    method: 'GET',
    path: '/v1/ping',
    auth: 'none',
    summary: 'Answer that the control plane is reachable',
    response: Empty,
  }),
  proveInstallation: operation({
    method: 'GET',
    path: '/v1/installation',
    auth: 'none',
    summary: 'Prove that whoever answers is this installation, by a signature of the challenge',
    query: Type.Object({ challenge: Challenge }),
    response: InstallationProof,
    errors: [400],
  }),
  tunnelReady: operation({
    ...report,
    path: '/v1/nodes/{node_id}/tunnels/{session_id}/ready',
    summary: 'Report where an access tunnel listens',
    request: TunnelReady,
  }),
  tunnelClosed: operation({
    ...report,
    path: '/v1/nodes/{node_id}/tunnels/{session_id}/closed',
    summary: 'Report that an access tunnel has closed',
    request: TunnelClosed,
  }),
  relaySession: operation({
    ...read,
    path: '/v1/nodes/{node_id}/sessions/{session_id}/relay',
    summary: "Take the node's side of a relayed session, as a WebSocket",
    responseKind: 'websocket',
    status: 101,
    errors: [409, 426],
  }),
  uploadRecording: operation({
    method: 'PUT',
    path: '/v1/nodes/{node_id}/sessions/{session_id}/recording/{chunk}',
    auth: 'node',
    summary: 'Upload a chunk of the recording of a session; may be repeated',
    requestKind: 'bytes',
    response: Empty,
    errors: [404, 409, 413],
    maxBodyBytes: maxRecordingChunkBytes,
  }),
  compareReports: operation({
    method: 'POST',
    path: '/v1/nodes/{node_id}/report/compare',
    auth: 'node',
    summary:
      'Find out which report entries a control plane that was restored has lost, or has again',
    request: ReportComparison,
    response: ReportDifference,
    maxBodyBytes: 4 * mebibyte,
  }),
  reportViolation: operation({
    ...report,
    path: '/v1/nodes/{node_id}/integrity/violations',
    summary: 'Report a file whose checksum is not the expected one',
    request: IntegrityViolation,
  }),
} as const

export type ControlApi = typeof controlApi
