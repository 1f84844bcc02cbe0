import {
  ApiError,
  formatDuration,
  newId,
  type SessionSpec,
  type SessionSupport,
} from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { NodeRecord, OperatorRecord } from '../mesh/fleet.ts'
import { readNode } from '../rows/fleet/nodes.ts'
import { countOpenSessions, insertSession, type StoredSession } from '../rows/sessions.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { newRecordingKey } from './recording.ts'

/** What is asked for, by whom. */
export interface NewSession {
  operator: OperatorRecord
  node: NodeRecord
  spec: SessionSpec
  ttlMs: number
  idleMs: number
}

export interface SessionDeps {
  limits: Pick<Limits, 'node_sessions' | 'operator_sessions'>
  /** Seals the key of the recording. */
  masterKey: MasterKey
}

/**
 * Opens a session and tells its node; durable with the unit. Throws an ApiError: 409 for what the agent of the node cannot
 * do, or has as many of as it runs, 429 if the node or the operator has too many for us.
 */
export async function createSession(
  unit: Unit,
  given: NewSession,
  { limits, masterKey }: SessionDeps,
): Promise<{ session: StoredSession; hostKey: string | null }> {
  const { operator, node, spec } = given
  await refuseTooMany(unit, given, limits)
  const stored = await readNode(unit.tx, node.id)
  const support = stored?.capabilities?.sessions
  if (support) await refuseBeyondNode(unit, node, support)
  else refuseBeyondTunnel(node, spec)
  const session = newSession(unit, given)
  const event = unit.emit({
    type: 'ssh_session_setup',
    to: [node],
    payload: {
      session_id: session.id,
      // What the Go agent needs to forward to the SSH server of its machine.
      target_host: '127.0.0.1',
      target_port: 22,
      authorized_key: session.public_key,
      expires_at: new Date(session.expires_at).toISOString(),
      user_id: operator.id,
      email: '',
      actions: session.actions,
      kind: 'ssh',
      ...(support ? { session: { way: session.way, idle_timeout: session.idle_timeout } } : {}),
    },
  })
  const sent = { ...session, setup_seq: event?.seq ?? 0 }
  await insertSession(unit, sent)
  if (sent.recorded) await newRecordingKey(unit, masterKey, sent)
  return { session: sent, hostKey: support?.host_key ?? null }
}

function newSession(
  { nowMs }: Unit,
  { operator, node, spec, ttlMs, idleMs }: NewSession,
): StoredSession {
  const { login, public_key, way, actions = [], forward = [], shell = true } = spec
  return {
    id: newId('session'),
    tenant_id: node.tenant_id,
    node_id: node.id,
    operator_id: operator.id,
    operator_name: operator.name,
    state: 'opening',
    way,
    login,
    public_key,
    actions,
    forward,
    shell,
    recorded: spec.record ?? true,
    record_input: spec.record_input ?? false,
    idle_timeout: formatDuration(idleMs),
    opened_at: nowMs,
    expires_at: nowMs + ttlMs,
    setup_seq: 0,
    listen_addr: null,
    closed_at: null,
    reason: null,
    detail: '',
    revoked_seq: null,
    reported_at: null,
    duration: null,
    bytes_in: null,
    bytes_out: null,
    recording_chunks: null,
  }
}

/** An agent without an SSH server of its own only leads to that of the machine, from the mesh, and sees nothing of what goes through. */
function refuseBeyondTunnel({ hostname }: NodeRecord, { way, record = true }: SessionSpec): void {
  const why = `"${hostname}" runs no sessions itself: its agent is too old or another one, or "sessions.enabled" is false there`
  if (way === 'relay')
    throw new ApiError(
      'conflict',
      `${why}; from the mesh it can be asked for a tunnel to its port 22`,
    )
  if (record)
    throw new ApiError(
      'conflict',
      `${why}; it can only lead to the SSH server of the machine, which is not recorded: ask for it without a recording`,
    )
}

/** It would refuse the session itself, when the operator has no connection yet that says why. */
async function refuseBeyondNode(
  { tx }: Unit,
  { id, hostname }: NodeRecord,
  { max_sessions }: SessionSupport,
): Promise<void> {
  const open = await countOpenSessions(tx, { node_id: id })
  if (open >= max_sessions)
    throw new ApiError(
      'conflict',
      `"${hostname}" has ${open} open sessions, and runs ${max_sessions} at most ("sessions.max_sessions" there): end some, or revoke them`,
    )
}

async function refuseTooMany(
  { tx }: Unit,
  { operator, node }: NewSession,
  limits: Pick<Limits, 'node_sessions' | 'operator_sessions'>,
): Promise<void> {
  const ofNode = await countOpenSessions(tx, { node_id: node.id })
  if (ofNode >= limits.node_sessions)
    throw new ApiError(
      'too_many_requests',
      `"${node.hostname}" has ${ofNode} open sessions, and the limit node_sessions is ${limits.node_sessions}: end some, or revoke them`,
    )
  const ofOperator = await countOpenSessions(tx, { operator_id: operator.id })
  if (ofOperator >= limits.operator_sessions)
    throw new ApiError(
      'too_many_requests',
      `"${operator.name}" has ${ofOperator} open sessions, and the limit operator_sessions is ${limits.operator_sessions}: end some, or revoke them`,
    )
}
