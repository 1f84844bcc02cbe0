import type {
  DataEntry,
  Execution,
  NodeDetail,
  Policy,
  ReportEntry,
  Run,
  RunNode,
  Schedule,
  Session,
} from '@plexd/protocol'

/** Objects as the admin API answers them; a test states what matters to it. */

const time = '2025-01-15T10:25:00Z'

export function aNode(fields: Partial<NodeDetail> = {}): NodeDetail {
  return {
    id: 'n_web',
    hostname: 'web-01',
    hostname_trouble: '',
    identity_in_use: null,
    mesh_ip: '10.100.1.2',
    mesh_range: '10.100.0.0/16',
    public_key: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    key_changed_at: '2025-01-01T00:00:00Z',
    key_rotation_requested: false,
    status: 'online',
    connected: true,
    labels: { env: 'prod' },
    reported: { os: 'linux' },
    endpoint: '203.0.113.10:51820',
    local_endpoints: ['192.168.1.2:51820'],
    nat_type: 'full_cone',
    version: '1.4.2',
    binary: null,
    upgrade: null,
    registered_at: time,
    last_seen_at: time,
    clock_skew_seconds: 0,
    revision: 'r2',
    fetched_revision: 'r2',
    problems: [],
    problems_said_at: null,
    no_room: [],
    capabilities: null,
    heartbeat: null,
    ...fields,
  }
}

export function anExecution(fields: Partial<Execution> = {}): Execution {
  return {
    id: 'exec_1',
    node_id: 'n_web',
    node_hostname: 'web-01',
    run_id: null,
    action: 'ping',
    parameters: {},
    timeout: '30s',
    status: 'pending',
    reason: '',
    late: false,
    exit_code: null,
    stdout: '',
    stderr: '',
    duration: '',
    triggered_by: { type: 'control_plane', user_id: 'root' },
    created_at: time,
    sent_at: time,
    acked_at: null,
    cancel_requested_at: null,
    expires_at: time,
    finished_at: null,
    ...fields,
  }
}

export function aRun({
  counts,
  ...fields
}: Partial<Omit<Run, 'counts'>> & { counts?: Partial<Run['counts']> } = {}): Run {
  return {
    id: 'run_1',
    action: 'ping',
    parameters: {},
    timeout: '30s',
    expires: null,
    healthy_within: null,
    selector: 'env=prod',
    max_parallel: 10,
    max_failures: 0,
    canary: 0,
    state: 'running',
    reason: '',
    counts: {
      total: 2,
      waiting: 0,
      running: 0,
      succeeded: 0,
      failed: 0,
      cancelled: 0,
      skipped: 0,
      not_started: 0,
      ...counts,
    },
    retry_of: null,
    schedule: null,
    triggered_by: { type: 'control_plane', user_id: 'root' },
    created_at: time,
    run_expires_at: time,
    ended_at: null,
    ...fields,
  }
}

export function aRunNode(fields: Partial<RunNode> = {}): RunNode {
  return {
    node_id: 'n_web',
    node_hostname: 'web-01',
    status: 'succeeded',
    reason: '',
    execution_id: 'exec_1',
    exit_code: 0,
    started_at: time,
    ended_at: time,
    ...fields,
  }
}

export function aSchedule(fields: Partial<Schedule> = {}): Schedule {
  return {
    id: 'sch_1',
    name: 'check',
    cron: '@hourly',
    time_zone: 'UTC',
    start_within: '10m0s',
    enabled: true,
    next_run_at: '2025-01-15T11:00:00.000Z',
    selector: '*',
    action: 'ping',
    parameters: {},
    timeout: '30s',
    max_parallel: 10,
    max_failures: 0,
    canary: 0,
    run_expires: '24h0m0s',
    last: [],
    created_by: 'admin',
    created_at: time,
    ...fields,
  }
}

export function anEntry(fields: Partial<ReportEntry> = {}): ReportEntry {
  return {
    key: 'app-health',
    content_type: 'application/json',
    payload: { status: 'healthy' },
    version: 3,
    updated_at: time,
    ...fields,
  }
}

export function aDataEntry(fields: Partial<DataEntry> = {}): DataEntry {
  return { ...anEntry(), target: { node_id: 'n_web', node_hostname: 'web-01' }, ...fields }
}

export function aPolicy(fields: Partial<Policy> = {}): Policy {
  return {
    id: 'pol_1',
    name: 'allow-all',
    revision: 1,
    rules: [{ from: '*', to: '*', action: 'allow' }],
    node_hostnames: {},
    updated_at: time,
    ...fields,
  }
}

export function aPage<Item>(items: Item[], next: string | null = null) {
  return { items, next }
}

export function aSession(fields: Partial<Session> = {}): Session {
  return {
    id: 'sess_1',
    node: 'web-01',
    node_id: 'n_web',
    state: 'open',
    way: 'relay',
    login: 'deploy',
    user_id: 'adm_1',
    user_name: 'root',
    actions: [],
    forward: [],
    shell: true,
    opened_at: time,
    expires_at: '2025-01-15T11:25:00Z',
    closed_at: null,
    reason: null,
    detail: '',
    duration: null,
    bytes_in: null,
    bytes_out: null,
    recording: 'recording',
    listen_addr: null,
    ...fields,
  }
}
