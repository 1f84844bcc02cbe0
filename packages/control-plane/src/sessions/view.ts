import type { Session } from '@plexd/protocol'
import type { StoredRecording } from '../rows/recordings.ts'
import type { StoredSession } from '../rows/sessions.ts'
import { recordingState } from './recording.ts'

/** What is shown of a session and is not in its row. */
export interface BesideSession {
  hostname: string
  recording: StoredRecording | undefined
  nowMs: number
}

/** A session as an operator sees it. */
export function sessionView(row: StoredSession, beside: BesideSession): Session {
  const { hostname, recording, nowMs } = beside
  return {
    id: row.id,
    node: hostname,
    node_id: row.node_id,
    state: row.state,
    way: row.way,
    login: row.login,
    user_id: row.operator_id,
    user_name: row.operator_name,
    actions: row.actions,
    forward: row.forward,
    shell: row.shell,
    opened_at: textOf(row.opened_at),
    expires_at: textOf(row.expires_at),
    closed_at: row.closed_at === null ? null : textOf(row.closed_at),
    reason: row.reason,
    detail: row.detail,
    duration: row.duration,
    bytes_in: row.bytes_in,
    bytes_out: row.bytes_out,
    recording: recordingState(recording, { closedAtMs: row.closed_at, reason: row.reason, nowMs }),
    listen_addr: row.listen_addr,
  }
}

function textOf(ms: number): string {
  return new Date(ms).toISOString()
}
