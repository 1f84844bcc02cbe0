/** Actions on one node, on many, and at set times. */
export interface ExecutionTables {
  executions: {
    id: string
    tenant_id: string
    node_id: string
    action: string
    type: string
    parameters: string
    checksum: string | null
    timeout: string
    status: string
    reason: string
    exit_code: number | null
    stdout: string
    stderr: string
    duration: string
    raw_status: string | null
    triggered_by: string
    /** Digest of the result, to tell a repeat from a different one. */
    result_digest: string | null
    event_seq: number
    created_at: number
    deadline_at: number
    /** When it was last sent, as `event_seq`. */
    sent_at: number | null
    acked_at: number | null
    finished_at: number | null
    /** The deadline until it is accepted, if it was asked for with one. */
    expires_at: number | null
    /** Of one for which its node had no room: until then the node is sent no further one, unless another ends. */
    held_until: number | null
    cancel_requested_at: number | null
    /** The event that tells the node. */
    cancel_seq: number | null
    late: number
  }
  /** One action on many nodes. */
  runs: {
    id: string
    tenant_id: string
    action: string
    parameters: string
    /** Null for what each node declares of the action. */
    timeout: string | null
    /** How long each node may take to accept it; null for the default. */
    expires: string | null
    /** What a node has to show after its execution, as JSON; null if its result is enough. */
    criterion: string | null
    /** As it was asked for; null for a list of nodes. */
    selector: string | null
    max_parallel: number
    max_failures: number
    canary: number
    /** `preparing` while its nodes are being written: nobody is shown such a run, and a start deletes it. */
    state: string
    /** Why no further node begins. */
    stop: string | null
    /** How many of its nodes are in which status; `running` includes those that are being cancelled. */
    waiting: number
    running: number
    succeeded: number
    failed: number
    cancelled: number
    skipped: number
    retry_of: string | null
    schedule_id: string | null
    /** The name of the schedule, which may be deleted. */
    schedule: string | null
    triggered_by: string
    created_at: number
    expires_at: number
    ended_at: number | null
  }
  run_nodes: {
    run_id: string
    /** The order in which they begin, from 0. */
    position: number
    node_id: string
    status: string
    reason: string
    execution_id: string | null
    exit_code: number | null
    started_at: number | null
    /** When its execution had succeeded, of one that has more to show. */
    executed_at: number | null
    ended_at: number | null
  }
  schedules: {
    id: string
    tenant_id: string
    name: string
    cron: string
    time_zone: string
    start_within: string
    /** What its runs are, as JSON. */
    spec: string
    enabled: number
    /** Null while it is disabled. */
    next_due_at: number | null
    /** The name of the operator, and who triggers its runs, as JSON. */
    created_by: string
    triggered_by: string
    created_at: number
  }
  /** What became of each time at which a schedule was due; the key lets it start once. */
  schedule_turns: {
    schedule_id: string
    due_at: number
    outcome: string
    reason: string
    missed: number
    run_id: string | null
    at: number
  }
}
