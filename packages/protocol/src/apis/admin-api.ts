import { Type } from 'typebox'
import { FleetVersions } from '../nodes/binary.ts'
import { Execution, ExecutionStatus } from '../nodes/execution.ts'
import { ReportEntry } from '../nodes/node-state.ts'
import { Run, RunNode, RunNodeStatus, RunSpec, RunState, UpgradeSpec } from '../nodes/run.ts'
import { Schedule, ScheduleSpec } from '../nodes/schedule.ts'
import { OpenedSession, Session, SessionSpec, SessionState } from '../nodes/session.ts'
import { operation } from '../operations/operation.ts'
import { Policy, PolicyOutcome, PolicySpec } from '../policies/policy.ts'
import { GivenName, Ipv4Cidr, MediaType, Metadata, mapOf, NewEntryKey } from '../schemas/scalars.ts'
import { wantKeyword } from '../schemas/schema-fault.ts'
import {
  AdminToken,
  Artifact,
  BootstrapToken,
  BuildName,
  DataEntry,
  EventRecord,
  MeshRange,
  Node,
  NodeDetail,
  pageOf,
  Role,
  Secret,
  SigningKey,
  Target,
  TelemetryRecord,
  TrustedBuild,
  UnconfirmedLabel,
  Violation,
  Warnings,
} from './admin.ts'

const Empty = Type.Object({})
const mebibyte = 1024 * 1024

const TouchedNodes = Type.Object({
  nodes: Type.Integer({ description: 'How many had such a label' }),
})

const Paging = Type.Object({
  limit: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,3}$',
      [wantKeyword]: 'a whole number from 1 to 9999',
      description: 'Items in a page; 100 when absent',
      examples: ['100'],
    }),
  ),
  after: Type.Optional(Type.String()),
})

const DryRun = Type.Object({
  dry_run: Type.Optional(
    Type.Enum(['true', 'false'], { description: 'Change nothing, and count the pairs' }),
  ),
})

/** What operators may see of a noun, with the permission for it; below, what they may change. */
const read = <const Noun extends string>(noun: Noun) =>
  ({ method: 'GET', auth: 'operator', scope: 'tenant', permission: `${noun}.read` }) as const
const write = <const Method extends string, const Noun extends string>(
  method: Method,
  noun: Noun,
) => ({ method, auth: 'operator', scope: 'tenant', permission: `${noun}.write` }) as const
const remove = <const Noun extends string>(noun: Noun) =>
  ({ ...write('DELETE', noun), response: Empty }) as const
/** Of what all tenants share. */
const writeShared = <const Method extends string, const Noun extends string>(
  method: Method,
  noun: Noun,
) => ({ ...write(method, noun), scope: 'installation' }) as const

/** From operators to the control plane. A node in a path is its id or its hostname; a hostname never looks like an id. */
export const adminApi = {
  whoAmI: operation({
    ...read('self'),
    path: '/admin/v1/whoami',
    summary: 'Read whose token this is',
    response: Type.Object({ name: Type.String(), role: Role, tenant: Type.String() }),
  }),

  createToken: operation({
    ...write('POST', 'tokens'),
    path: '/admin/v1/tokens',
    summary: 'Create a one-time bootstrap token',
    request: Type.Object({
      ttl: Type.Optional(
        Type.String({ description: 'Go duration from "1m" to "720h"; "1h" when absent' }),
      ),
      hostname: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
      metadata: Type.Optional(Metadata),
      node_may_set: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 256 })),
      nsk_format: Type.Optional(Type.Enum(['base64', 'raw32'])),
    }),
    response: Type.Interface([BootstrapToken, Warnings], {
      token: Type.String({ description: 'Shown this once' }),
    }),
    status: 201,
    errors: [400],
  }),
  listTokens: operation({
    ...read('tokens'),
    path: '/admin/v1/tokens',
    summary: 'List bootstrap tokens',
    query: Paging,
    response: pageOf(BootstrapToken),
  }),
  revokeToken: operation({
    ...remove('tokens'),
    path: '/admin/v1/tokens/{token_id}',
    summary: 'Make a bootstrap token worthless',
    errors: [404],
  }),

  listNodes: operation({
    ...read('nodes'),
    path: '/admin/v1/nodes',
    summary: 'List nodes',
    query: Type.Interface([Paging], {
      selector: Type.Optional(
        Type.String({ description: 'Of labels, and of what nodes report: `reported.os=linux`' }),
      ),
    }),
    response: pageOf(Node),
    errors: [400],
  }),
  listVersions: operation({
    ...read('nodes'),
    path: '/admin/v1/versions',
    summary: 'Count nodes by the version of plexd that they run',
    query: Type.Object({ selector: Type.Optional(Type.String()) }),
    response: FleetVersions,
    errors: [400],
  }),
  getNode: operation({
    ...read('nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Read one node',
    response: NodeDetail,
    errors: [404],
  }),
  renameNode: operation({
    ...write('PATCH', 'nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Give a node another hostname',
    request: Type.Object({ hostname: Type.String({ minLength: 1, maxLength: 253 }) }),
    response: NodeDetail,
    errors: [400, 404, 409],
  }),
  removeNode: operation({
    ...remove('nodes'),
    path: '/admin/v1/nodes/{node}',
    summary: 'Remove a node from the mesh at once; with ?force all others get fresh PSKs',
    query: Type.Object({
      force: Type.Optional(
        Type.Enum(['true', 'false'], { description: 'For a node that is lost or compromised' }),
      ),
    }),
    errors: [400, 404],
  }),
  requestKeyRotation: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/nodes/{node}/rotate-keys',
    summary: 'Ask a node to rotate its WireGuard key, and with it its NSK and its token',
    response: Empty,
    status: 202,
    errors: [404, 409],
  }),
  setNodeMetadata: operation({
    ...write('PATCH', 'nodes'),
    path: '/admin/v1/nodes/{node}/metadata',
    summary: 'Set or remove labels of a node',
    request: Type.Object({
      set: Type.Optional(Metadata),
      remove: Type.Optional(Type.Array(Type.String())),
    }),
    response: Type.Interface([NodeDetail, Warnings], {}),
    errors: [400, 404],
  }),
  listUnconfirmedLabels: operation({
    ...read('nodes'),
    path: '/admin/v1/labels/unconfirmed',
    summary:
      'List labels that nodes may have set themselves, before labels and reports were told apart',
    query: Paging,
    response: pageOf(UnconfirmedLabel),
    errors: [400],
  }),
  confirmLabels: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/labels/confirm',
    summary: 'Keep unconfirmed labels as labels: those of the keys, or all',
    request: Type.Object({ keys: Type.Optional(Type.Array(Type.String(), { minItems: 1 })) }),
    response: TouchedNodes,
    errors: [400],
  }),
  dropLabels: operation({
    ...write('POST', 'nodes'),
    path: '/admin/v1/labels/drop',
    summary: 'Make unconfirmed labels what the nodes report, with which no rights go',
    request: Type.Object({ keys: Type.Array(Type.String(), { minItems: 1 }) }),
    response: TouchedNodes,
    errors: [400],
  }),

  listMeshRanges: operation({
    ...read('mesh_ranges'),
    path: '/admin/v1/mesh/ranges',
    summary: 'List the ranges that nodes have their addresses from, in the order they were added',
    response: Type.Object({ items: Type.Array(MeshRange) }),
  }),
  addMeshRange: operation({
    ...write('POST', 'mesh_ranges'),
    path: '/admin/v1/mesh/ranges',
    summary: 'Add a range, from which new nodes take; all nodes route it beside the others',
    request: Type.Object({ range: Ipv4Cidr }),
    response: Type.Interface([MeshRange, Warnings], {}),
    status: 201,
    errors: [400, 409],
  }),
  removeMeshRange: operation({
    ...remove('mesh_ranges'),
    path: '/admin/v1/mesh/ranges/{range}',
    summary: 'Remove a range in which no node has an address, nor had one a short while ago',
    errors: [404, 409],
  }),

  putData: operation({
    ...write('PUT', 'data'),
    path: '/admin/v1/data/{key}',
    summary: 'Write a data entry for a node or a label selector',
    params: { key: NewEntryKey },
    request: Type.Object({
      target: Target,
      content_type: MediaType,
      payload: Type.Unknown(),
    }),
    response: Type.Interface([DataEntry, Warnings], {}),
    responseKind: 'json-text',
    errors: [400, 404],
    maxBodyBytes: 4 * mebibyte,
    // In an event the payload is nested three levels deeper, and agents accept 64 levels.
    maxDepth: 61,
  }),
  listData: operation({
    ...read('data'),
    path: '/admin/v1/data',
    summary: 'List data entries',
    query: Paging,
    response: pageOf(DataEntry),
    responseKind: 'json-text',
  }),
  getData: operation({
    ...read('data'),
    path: '/admin/v1/data/{key}',
    summary: 'Read one data entry: that for a target, or the only one of its key',
    query: Target,
    response: DataEntry,
    responseKind: 'json-text',
    errors: [400, 404, 409],
  }),
  deleteData: operation({
    ...remove('data'),
    path: '/admin/v1/data/{key}',
    summary: 'Delete a data entry of a node or a label selector',
    query: Target,
    errors: [400, 404],
  }),
  putSecret: operation({
    ...write('PUT', 'secrets'),
    path: '/admin/v1/secrets/{key}',
    summary: 'Write a secret for a node or a label selector',
    params: { key: NewEntryKey },
    request: Type.Object({
      target: Target,
      value: Type.String({ minLength: 1, maxLength: 256 * 1024, writeOnly: true }),
    }),
    response: Type.Interface([Secret, Warnings], {}),
    errors: [400, 404],
  }),
  listSecrets: operation({
    ...read('secrets'),
    path: '/admin/v1/secrets',
    summary: 'List secrets, without values',
    query: Paging,
    response: pageOf(Secret),
  }),
  deleteSecret: operation({
    ...remove('secrets'),
    path: '/admin/v1/secrets/{key}',
    summary: 'Delete a secret of a node or a label selector',
    query: Target,
    errors: [400, 404],
  }),

  listReports: operation({
    ...read('reports'),
    path: '/admin/v1/nodes/{node}/reports',
    summary: 'List the report entries of a node',
    query: Paging,
    response: pageOf(ReportEntry),
    responseKind: 'json-text',
    errors: [404],
  }),
  getReport: operation({
    ...read('reports'),
    path: '/admin/v1/nodes/{node}/reports/{key}',
    summary: 'Read one report entry of a node',
    response: ReportEntry,
    responseKind: 'json-text',
    errors: [404],
  }),

  listPolicies: operation({
    ...read('policies'),
    path: '/admin/v1/policies',
    summary: 'List policies in the order they apply',
    query: Paging,
    response: pageOf(Policy),
  }),
  getPolicy: operation({
    ...read('policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Read one policy',
    response: Policy,
    errors: [404],
  }),
  putPolicy: operation({
    ...write('PUT', 'policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Create or replace a policy; with ?dry_run only tell what would follow',
    query: DryRun,
    request: PolicySpec,
    response: Type.Interface([Policy], PolicyOutcome.properties),
    errors: [400],
    maxBodyBytes: 8 * mebibyte,
    maxValues: 1_000_000,
  }),
  deletePolicy: operation({
    ...write('DELETE', 'policies'),
    path: '/admin/v1/policies/{name}',
    summary: 'Delete a policy; with ?dry_run only tell what would follow',
    query: DryRun,
    response: PolicyOutcome,
    errors: [404],
  }),

  runAction: operation({
    ...write('POST', 'executions'),
    path: '/admin/v1/nodes/{node}/executions',
    summary: 'Run an action on a node',
    request: Type.Object({
      action: Type.String({ minLength: 1, maxLength: 256 }),
      parameters: Type.Optional(mapOf(Type.String())),
      timeout: Type.Optional(
        Type.String({
          description:
            'Go duration; when absent, what the node declares of the action, or else "30s"',
        }),
      ),
      expires: Type.Optional(
        Type.String({
          description:
            'Go duration, "168h" at most: how long it may wait until the node accepts it. When absent, the timeout and 30 s once it is sent, and `queued_execution_ms` until then',
        }),
      ),
    }),
    response: Execution,
    status: 201,
    errors: [400, 404, 409, 429],
  }),
  listExecutions: operation({
    ...read('executions'),
    path: '/admin/v1/nodes/{node}/executions',
    summary: 'List the executions of a node, newest first',
    query: Type.Interface([Paging], { status: Type.Optional(ExecutionStatus) }),
    response: pageOf(Execution),
    errors: [404],
  }),
  getExecution: operation({
    ...read('executions'),
    path: '/admin/v1/executions/{execution_id}',
    summary: 'Read an execution; ?wait blocks until it has finished',
    query: Type.Object({
      wait: Type.Optional(Type.String({ description: 'Go duration, "60s" at most' })),
    }),
    response: Execution,
    errors: [400, 404],
  }),
  cancelExecution: operation({
    ...write('POST', 'executions'),
    path: '/admin/v1/executions/{execution_id}/cancel',
    summary: 'Cancel an execution; one that its node has accepted ends when the node says so',
    response: Type.Interface([Execution], {
      message: Type.String({ description: 'What happens now' }),
    }),
    errors: [404, 409],
  }),

  createRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs',
    summary: 'Run an action on many nodes, which are fixed from then on',
    request: RunSpec,
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),
  createUpgrade: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/upgrades',
    summary: 'Run another version of plexd on many nodes: a run of `service.upgrade`',
    request: UpgradeSpec,
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),
  listRuns: operation({
    ...read('runs'),
    path: '/admin/v1/runs',
    summary: 'List runs, newest first',
    query: Type.Interface([Paging], { state: Type.Optional(RunState) }),
    response: pageOf(Run),
    errors: [400],
  }),
  getRun: operation({
    ...read('runs'),
    path: '/admin/v1/runs/{run_id}',
    summary: 'Read one run',
    response: Run,
    errors: [404],
  }),
  listRunNodes: operation({
    ...read('runs'),
    path: '/admin/v1/runs/{run_id}/nodes',
    summary: 'List the nodes of a run, in the order in which they begin',
    query: Type.Interface([Paging], { status: Type.Optional(RunNodeStatus) }),
    response: pageOf(RunNode),
    errors: [400, 404],
  }),
  pauseRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/pause',
    summary: 'Let no further node of a run begin; those that run it go on',
    response: Run,
    errors: [404, 409],
  }),
  resumeRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/resume',
    summary: 'Go on with a paused run',
    response: Run,
    errors: [404, 409],
  }),
  cancelRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/cancel',
    summary: 'Let no further node of a run begin, and cancel it on those that run it',
    response: Run,
    errors: [404, 409],
  }),
  retryRun: operation({
    ...write('POST', 'runs'),
    path: '/admin/v1/runs/{run_id}/retry',
    summary: 'Run the same again on the nodes of an ended run that failed',
    request: Type.Object({
      unfinished: Type.Optional(
        Type.Boolean({
          description: 'Also on those that were cancelled, or that the run did not come to',
        }),
      ),
    }),
    response: Run,
    status: 201,
    errors: [400, 404, 409],
  }),

  createSchedule: operation({
    ...write('POST', 'schedules'),
    path: '/admin/v1/schedules',
    summary: 'Start runs at the times of a cron expression',
    request: ScheduleSpec,
    response: Type.Interface([Schedule, Warnings], {}),
    status: 201,
    errors: [400, 404, 409],
  }),
  listSchedules: operation({
    ...read('schedules'),
    path: '/admin/v1/schedules',
    summary: 'List schedules by name',
    query: Paging,
    response: pageOf(Schedule),
    errors: [400],
  }),
  getSchedule: operation({
    ...read('schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Read one schedule, by its name',
    response: Schedule,
    errors: [404],
  }),
  changeSchedule: operation({
    ...write('PATCH', 'schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Enable or disable a schedule; enabled again, it starts with the next time to come',
    request: Type.Object({ enabled: Type.Boolean() }),
    response: Schedule,
    errors: [404],
  }),
  deleteSchedule: operation({
    ...remove('schedules'),
    path: '/admin/v1/schedules/{schedule}',
    summary: 'Delete a schedule; runs that it started go on',
    errors: [404],
  }),

  connectSession: operation({
    method: 'GET',
    auth: 'operator',
    scope: 'tenant',
    permission: 'sessions.open',
    path: '/admin/v1/sessions/{session}/connect',
    summary:
      'Connect to a relayed session of your own: the bytes of the WebSocket reach the node, and its own come back',
    responseKind: 'websocket',
    status: 101,
    errors: [404, 409, 426],
  }),
  openSession: operation({
    method: 'POST',
    auth: 'operator',
    scope: 'tenant',
    permission: 'sessions.open',
    furtherPermissions: ['sessions.root', 'sessions.forward', 'sessions.unrecorded'],
    path: '/admin/v1/sessions',
    summary:
      'Open a remote session on a node; as root, with forwards or without a recording it needs further permissions',
    request: SessionSpec,
    response: OpenedSession,
    status: 201,
    errors: [400, 404, 409, 429],
  }),
  listSessions: operation({
    ...read('sessions'),
    path: '/admin/v1/sessions',
    summary: 'List sessions, newest first',
    query: Type.Interface([Paging], {
      node: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
      state: Type.Optional(SessionState),
    }),
    response: pageOf(Session),
    errors: [400, 404],
  }),
  getSession: operation({
    ...read('sessions'),
    path: '/admin/v1/sessions/{session}',
    summary: 'Read one session; ?wait blocks until its node is ready or it has closed',
    query: Type.Object({
      wait: Type.Optional(Type.String({ description: 'Go duration, "60s" at most' })),
    }),
    response: Session,
    errors: [400, 404],
  }),
  revokeSession: operation({
    method: 'POST',
    auth: 'operator',
    scope: 'tenant',
    permission: 'sessions.revoke',
    path: '/admin/v1/sessions/{session}/revoke',
    summary: 'End a session at once, whatever happens in it; may be repeated',
    response: Session,
    errors: [404, 409],
  }),

  listSigningKeys: operation({
    ...read('signing_keys'),
    path: '/admin/v1/signing-keys',
    summary: 'List the keys that sign events',
    response: Type.Object({ items: Type.Array(SigningKey) }),
  }),
  rotateSigningKey: operation({
    ...writeShared('POST', 'signing_keys'),
    path: '/admin/v1/signing-keys/rotate',
    summary: 'Sign with a new key; the old one stays valid for the transition period',
    request: Type.Object({
      transition_period: Type.Optional(Type.String({ description: '"24h" when absent' })),
    }),
    response: SigningKey,
    errors: [400, 409],
  }),

  rotateMasterKey: operation({
    ...writeShared('POST', 'master_key'),
    path: '/admin/v1/master-key/rotate',
    summary: 'Seal everything anew under a new master key; answers when the old one is gone',
    response: Type.Object({
      key_id: Type.String({ description: 'Names the new key; tells nothing of it' }),
      sealed_again: Type.Integer({ description: 'Texts that were sealed under the old key' }),
    }),
    errors: [503],
  }),

  tailEvents: operation({
    ...read('events'),
    path: '/admin/v1/nodes/{node}/events',
    summary: 'Follow what a node is sent, as server-sent events',
    query: Type.Object({
      after: Type.Optional(
        Type.String({
          description: 'SSE id to start behind; "0" is the whole log; now when absent',
        }),
      ),
    }),
    response: EventRecord,
    responseKind: 'event-stream',
    errors: [400, 404],
  }),
  listTelemetry: operation({
    ...read('telemetry'),
    path: '/admin/v1/nodes/{node}/telemetry/{kind}',
    summary: 'List metrics, logs, audit, drift or violations of a node, oldest first',
    query: Type.Interface([Paging], { since: Type.Optional(Type.String()) }),
    response: pageOf(TelemetryRecord),
    responseKind: 'json-text',
    errors: [400, 404],
  }),

  listViolations: operation({
    ...read('telemetry'),
    path: '/admin/v1/violations',
    summary: 'List files on nodes that were not what they should be, oldest first',
    query: Type.Interface([Paging], { since: Type.Optional(Type.String()) }),
    response: pageOf(Violation),
    responseKind: 'json-text',
    errors: [400],
  }),

  getRecording: operation({
    method: 'GET',
    auth: 'operator',
    scope: 'tenant',
    permission: 'sessions.play',
    path: '/admin/v1/sessions/{session}/recording',
    summary:
      'Read the recording of a session as asciicast v2; what of it is missing or damaged is said in it. Who looks is on record',
    responseKind: 'bytes',
    errors: [404],
  }),

  putArtifact: operation({
    ...writeShared('PUT', 'artifacts'),
    path: '/admin/v1/artifacts/plexd/{version}/{os}/{arch}',
    summary: 'Upload a plexd binary',
    requestKind: 'bytes',
    response: Artifact,
    status: 201,
    errors: [400, 409],
    maxBodyBytes: 512 * mebibyte,
  }),
  listArtifacts: operation({
    ...read('artifacts'),
    path: '/admin/v1/artifacts',
    summary: 'List plexd binaries',
    response: Type.Object({ items: Type.Array(Artifact) }),
  }),
  deleteArtifact: operation({
    ...writeShared('DELETE', 'artifacts'),
    path: '/admin/v1/artifacts/plexd/{version}/{os}/{arch}',
    summary: 'Delete a plexd binary',
    response: Empty,
    errors: [404],
  }),
  trustBuild: operation({
    ...writeShared('POST', 'artifacts'),
    path: '/admin/v1/trusted-builds',
    summary: 'Vouch for a build of plexd that was not uploaded, by its SHA-256',
    request: BuildName,
    response: TrustedBuild,
    status: 201,
    errors: [400],
  }),
  listTrustedBuilds: operation({
    ...read('artifacts'),
    path: '/admin/v1/trusted-builds',
    summary: 'List builds of plexd that were not uploaded, and that operators vouch for',
    response: Type.Object({ items: Type.Array(TrustedBuild) }),
  }),
  distrustBuild: operation({
    ...writeShared('DELETE', 'artifacts'),
    path: '/admin/v1/trusted-builds/{version}/{os}/{arch}/{checksum}',
    summary: 'Vouch for a build of plexd no longer',
    response: Empty,
    errors: [400, 404],
  }),

  createAdminToken: operation({
    ...write('POST', 'admin_tokens'),
    path: '/admin/v1/admin-tokens',
    summary: 'Create a token for an operator or a program',
    request: Type.Object({ name: GivenName, role: Role }),
    response: Type.Interface([AdminToken], {
      token: Type.String({ description: 'Shown this once' }),
    }),
    status: 201,
    errors: [400, 409],
  }),
  listAdminTokens: operation({
    ...read('admin_tokens'),
    path: '/admin/v1/admin-tokens',
    summary: 'List admin tokens',
    response: Type.Object({ items: Type.Array(AdminToken) }),
  }),
  revokeAdminToken: operation({
    ...remove('admin_tokens'),
    path: '/admin/v1/admin-tokens/{token_id}',
    summary: 'Make an admin token worthless',
    errors: [404, 409],
  }),
} as const

export type AdminApi = typeof adminApi
