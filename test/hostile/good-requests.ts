import type { AdminApi, ControlApi, Operation, ParamName } from '@plexd/protocol'
import type { System, TestNode } from '../support/system.ts'

/** A request that would be answered with success; hostile ones are made from it. */
export interface GoodRequest {
  operation: Operation
  token: string
  params: Record<string, string>
  /** Of an operation with a body. */
  body?: unknown
}

/** What the hostile requests aim at. */
export interface Target {
  system: System
  node: TestNode
  executionId: string
  /** One that nobody has used. */
  bootstrapToken: string
}

export async function createTarget(system: System): Promise<Target> {
  const node = await system.enrol('victim')
  const { admin } = system
  const target = { node_id: node.node_id }
  const params = { node: node.node_id }
  await admin.putData({
    params: { key: 'kept' },
    body: { target, content_type: 'text/plain', payload: 'as it is' },
  })
  await admin.putSecret({ params: { key: 'kept' }, body: { target, value: 'as it is' } })
  await admin.setNodeMetadata({ params, body: { set: { kept: 'yes' } } })
  const { body } = await admin.runAction({ params, body: { action: 'any', timeout: '10m' } })
  return { system, node, executionId: body.id, bootstrapToken: await system.bootstrapToken() }
}

type WithBody<Api extends Record<string, Operation>> = {
  [Name in keyof Api as Api[Name] extends { request: object } ? Name : never]: unknown
}

/** A body for each operation that takes one; an operation that is left out does not compile. */
function goodBodies({ node }: Target): WithBody<ControlApi> & WithBody<AdminApi> {
  const timestamp = '2025-01-15T10:30:00Z'
  const target = { node_id: node.node_id }
  const parameter = { name: 'unit', type: 'string', required: true, description: '' }
  return {
    register: {
      token: 'plx_enroll_nobody',
      public_key: node.publicKey,
      hostname: 'hostile',
      metadata: { os: 'linux' },
      capabilities: { binary: { version: '1', checksum: 'x' } },
    },
    heartbeat: {
      node_id: node.node_id,
      timestamp,
      status: 'healthy',
      uptime: '1h',
      binary_checksum: '',
      mesh: { interface: 'plexd0', peer_count: 1, listen_port: 51820 },
      nat: { public_endpoint: '203.0.113.1:51820', type: 'none' },
    },
    rotateKeys: { node_id: node.node_id, new_public_key: node.publicKey },
    putCapabilities: {
      binary: { version: '1', checksum: 'x' },
      builtin_actions: [{ name: 'a', description: '', parameters: [parameter] }],
      hooks: [{ name: 'h', source: 'script', checksum: 'x', timeout: '1s', sandbox: 'none' }],
    },
    putEndpoint: { public_endpoint: '', nat_type: 'none' },
    reportDrift: { timestamp, corrections: [{ type: 'peer_added', detail: 'x' }] },
    syncReports: {
      entries: [
        { key: 'k', content_type: 'text/plain', payload: 1, version: 1, updated_at: timestamp },
      ],
      deleted: ['old'],
    },
    compareReports: {
      digest: '0'.repeat(64),
      entries: [{ key: 'k', version: 1, updated_at: timestamp }],
    },
    ackExecution: { execution_id: '', status: 'accepted', reason: '' },
    finishExecution: {
      execution_id: '',
      status: 'success',
      exit_code: 0,
      stdout: '',
      stderr: '',
      duration: '1s',
      finished_at: timestamp,
      triggered_by: { type: 'control_plane', session_id: '', user_id: '', email: '' },
    },
    tunnelReady: { listen_addr: '10.100.0.1:1', timestamp },
    tunnelClosed: { reason: 'idle', duration: '1s', timestamp },
    reportViolation: {
      type: 'hook',
      path: '/x',
      expected_checksum: 'a',
      actual_checksum: 'b',
      detail: '',
      timestamp,
    },
    renameNode: { hostname: 'web-01' },
    // It is there already.
    addMeshRange: { range: '10.100.0.0/16' },
    createToken: {
      ttl: '1h',
      hostname: 'x',
      metadata: { a: 'b' },
      node_may_set: ['c'],
      nsk_format: 'base64',
    },
    confirmLabels: { keys: ['never'] },
    dropLabels: { keys: ['never'] },
    setNodeMetadata: { set: { kept: 'yes' }, remove: ['never'] },
    putData: { target, content_type: 'text/plain', payload: 'as it is' },
    putSecret: { target, value: 'as it is' },
    putPolicy: {
      name: 'allow-all',
      rules: [{ from: '*', to: '*', port: 1, protocol: 'tcp', action: 'allow' }],
    },
    runAction: { action: 'any', parameters: { a: 'b' }, timeout: '30s' },
    // No node knows it, so that no run comes of it.
    trustBuild: { version: '1.0.0', os: 'linux', arch: 'amd64', checksum: 'ab'.repeat(32) },
    createUpgrade: { nodes: [node.node_id], version: '1.0.0', max_parallel: 1, canary: 1 },
    createRun: {
      nodes: [node.node_id],
      action: 'none',
      parameters: { a: 'b' },
      timeout: '30s',
      max_parallel: 1,
      max_failures: 0,
      canary: 0,
      expires: '1m',
      healthy_within: '1m',
      run_expires: '1h',
    },
    retryRun: { unfinished: true },
    createSchedule: {
      name: 'hostile',
      cron: '0 0 29 2 *',
      time_zone: 'UTC',
      start_within: '1m',
      enabled: false,
      selector: '*',
      action: 'none',
    },
    changeSchedule: { enabled: false },
    // The node runs none, so that no session comes of it.
    openSession: {
      node: node.node_id,
      login: 'nobody',
      public_key: `ssh-ed25519 ${'A'.repeat(68)}`,
      way: 'relay',
      ttl: '1m',
      idle_timeout: '1m',
      forward: ['127.0.0.1:5432'],
      shell: true,
      actions: ['mesh.*'],
      record: true,
      record_input: true,
    },
    putAlertRule: {
      selector: 'env=none',
      when: { metric: { name: 'node_resources.load_1', above: 100, below: -1 } },
      for: '5m',
      keep_firing: '5m',
      severity: 'info',
    },
    createAlertSilence: { rule: 'node-silent', selector: '*', for: '1m', reason: 'as it is' },
    // Nothing is sent there: no alert is of this severity.
    createAlertWebhook: {
      name: 'hostile',
      url: 'https://127.0.0.1:1/',
      severities: ['info'],
      allow_http: false,
    },
    rotateAlertWebhookSecret: { transition_period: '1h' },
    rotateSigningKey: { transition_period: '1h' },
    announceMove: { urls: ['https://cp.example.com'] },
    createAdminToken: { name: 'hostile', role: 'viewer' },
  }
}

type Param = ParamName<(ControlApi & AdminApi)[keyof (ControlApi & AdminApi)]['path']>

/** A value for every parameter of a path. */
function goodParams({ node, executionId }: Target): Record<Param, string> {
  return {
    node_id: node.node_id,
    node: node.node_id,
    execution_id: executionId,
    run_id: 'run_nobody',
    schedule: 'hostile',
    session_id: 'ses_1',
    session: 'ses_nobody',
    chunk: '0',
    token_id: 'tok_nobody',
    alert_rule: 'hostile',
    alert_silence: 'sil_nobody',
    alert_webhook: 'nobody',
    key: 'kept',
    name: 'allow-all',
    range: '10.101.0.0/16',
    kind: 'logs',
    version: '1.0.0',
    os: 'linux',
    arch: 'amd64',
    checksum: 'ab'.repeat(32),
    file: 'plexd-linux-amd64',
  }
}

/** The request that the operation wants. */
export function goodRequest(target: Target, name: string, operation: Operation): GoodRequest {
  const bodies: Record<string, unknown> = goodBodies(target)
  return {
    operation,
    token: operation.auth === 'node' ? target.node.token : target.system.adminToken,
    params: goodParams(target),
    ...(Object.hasOwn(bodies, name) ? { body: bodies[name] } : {}),
  }
}
