import { Type } from 'typebox'
import { ApplicationMetrics, MetricsTaken } from '../local/application-metrics.ts'
import { DaemonStatus } from '../local/daemon-status.ts'
import { LocalAction, LocalResult, LocalRun } from '../local/local-action.ts'
import { NetworkStatus } from '../local/network-status.ts'
import { PeerStatus } from '../local/peer-status.ts'
import { PolicyStatus } from '../local/policy-status.ts'
import { HookList } from '../nodes/hook-status.ts'
import { Entry, ReportWriter, SecretRef } from '../nodes/node-state.ts'
import { defaultMaxDepth, defaultMaxValues } from '../operations/body-bounds.ts'
import { operation } from '../operations/operation.ts'
import { EntryKey, Metadata, WholeNumber } from '../schemas/scalars.ts'
import { NodeSessions } from '../sessions/session.ts'

const ReportKey = Type.Pick(Entry, ['key', 'version'])
const DataKey = Type.Interface([ReportKey], { content_type: Type.String() })

const read = { method: 'GET', auth: 'local' } as const

/** From programs on the node to plexd: the 11 routes of the specification, then ours. */
export const localApi = {
  getLocalState: operation({
    ...read,
    path: '/v1/state',
    summary: 'Summarise all that the node holds',
    response: Type.Object({
      metadata: Metadata,
      data_keys: Type.Array(DataKey),
      secret_keys: Type.Array(SecretRef),
      report_keys: Type.Array(ReportKey),
    }),
  }),
  listMetadata: operation({
    ...read,
    path: '/v1/state/metadata',
    summary: 'Read all metadata',
    response: Metadata,
  }),
  getMetadata: operation({
    ...read,
    path: '/v1/state/metadata/{key}',
    summary: 'Read one metadata key',
    response: Type.Object({ key: Type.String(), value: Type.String() }),
    errors: [404],
  }),
  listData: operation({
    ...read,
    path: '/v1/state/data',
    summary: 'List data keys',
    response: Type.Array(DataKey),
  }),
  getData: operation({
    ...read,
    path: '/v1/state/data/{key}',
    summary: 'Read one data entry',
    response: Entry,
    errors: [404],
  }),
  listSecrets: operation({
    ...read,
    path: '/v1/state/secrets',
    summary: 'List secret keys',
    response: Type.Array(SecretRef),
  }),
  getSecretValue: operation({
    ...read,
    path: '/v1/state/secrets/{key}',
    auth: 'local_secrets',
    summary: 'Read a secret, fetched from the control plane at this moment',
    response: Type.Object({ key: EntryKey, value: Type.String(), version: WholeNumber }),
    errors: [404, 500, 503],
  }),
  listReports: operation({
    ...read,
    path: '/v1/state/report',
    summary: 'List report keys',
    response: Type.Array(ReportKey),
  }),
  getReport: operation({
    ...read,
    path: '/v1/state/report/{key}',
    summary: 'Read one report entry',
    response: Entry,
    errors: [400, 404],
  }),
  putReport: operation({
    auth: 'local',
    method: 'PUT',
    path: '/v1/state/report/{key}',
    summary: 'Write a report entry; If-Match makes it conditional',
    request: Type.Pick(Entry, ['content_type', 'payload']),
    maxBodyBytes: 1_048_576,
    // It must fit into a report batch, where the payload is nested two levels deeper and has a few values around it.
    maxDepth: defaultMaxDepth - 2,
    maxValues: defaultMaxValues - 20,
    gateStatus: 400,
    response: Entry,
    errors: [400, 409, 500, 507],
  }),
  deleteReport: operation({
    auth: 'local',
    method: 'DELETE',
    path: '/v1/state/report/{key}',
    summary: 'Delete a report entry',
    responseKind: 'empty',
    status: 204,
    errors: [400, 404, 500, 507],
  }),
  listWriters: operation({
    ...read,
    path: '/v1/writers',
    summary: 'List report keys with who wrote them',
    response: Type.Array(Type.Interface([ReportKey], { written_by: Type.Optional(ReportWriter) })),
  }),
  watch: operation({
    ...read,
    path: '/v1/watch',
    summary: 'Wait for a change: blocks until the state passes ?index, or for ?wait',
    query: Type.Object({
      index: Type.Optional(
        Type.String({ description: 'The last index seen; 0 or absent answers at once' }),
      ),
      wait: Type.Optional(Type.String({ description: 'Longest wait, as "30s"; 5m at most' })),
    }),
    response: Type.Object({ index: WholeNumber, changed: Type.Boolean() }),
    errors: [400],
  }),
  listPeers: operation({
    ...read,
    path: '/v1/peers',
    summary: 'Read how each peer of the mesh is reached',
    response: Type.Array(PeerStatus),
    errors: [503],
  }),
  listPolicies: operation({
    ...read,
    path: '/v1/policies',
    summary: 'Read the rules in force, and what they decided',
    response: PolicyStatus,
  }),
  checkNetwork: operation({
    ...read,
    path: '/v1/netcheck',
    summary: 'Look at once how this node is seen from the internet',
    response: NetworkStatus,
    errors: [409, 503],
  }),
  getStatus: operation({
    ...read,
    path: '/v1/status',
    summary: 'Read the state of the daemon itself',
    response: DaemonStatus,
  }),
  listHooks: operation({
    ...read,
    path: '/v1/hooks',
    summary: "List this machine's hooks, and why one does not run",
    response: HookList,
  }),
  reloadHooks: operation({
    method: 'POST',
    path: '/v1/hooks/reload',
    auth: 'local_root',
    summary: 'Announce all hooks as they are now, changed or not',
    response: HookList,
  }),
  listSessions: operation({
    ...read,
    path: '/v1/sessions',
    summary: 'List the sessions of operators on this node that have not ended',
    response: NodeSessions,
  }),
  listActions: operation({
    ...read,
    auth: 'local_root',
    path: '/v1/actions',
    summary:
      'List the actions that this node can run; with a session token, those that its session may run',
    response: Type.Array(LocalAction),
  }),
  runAction: operation({
    method: 'POST',
    path: '/v1/actions/run',
    auth: 'local_root',
    summary:
      'Run an action, and wait for its result; it is cancelled when the caller hangs up. A session token allows what its session may run',
    request: LocalRun,
    maxBodyBytes: 65_536,
    gateStatus: 400,
    response: LocalResult,
    errors: [400, 404, 409, 429, 503],
  }),
  getMetrics: operation({
    ...read,
    path: '/metrics',
    summary: 'Read the metrics of this node as Prometheus text',
    responseKind: 'bytes',
    errors: [503],
  }),
  putMetrics: operation({
    method: 'POST',
    path: '/v1/metrics',
    auth: 'local',
    summary: 'Send metrics of a program along with those of the node',
    request: ApplicationMetrics,
    maxBodyBytes: 1_048_576,
    gateStatus: 400,
    response: MetricsTaken,
    status: 202,
    errors: [400, 429, 503, 507],
  }),
  stop: operation({
    method: 'POST',
    path: '/v1/stop',
    auth: 'local_root',
    summary: 'End the daemon, as SIGTERM does; the mesh stays up',
    responseKind: 'empty',
    status: 204,
  }),
} as const

export type LocalApi = typeof localApi
