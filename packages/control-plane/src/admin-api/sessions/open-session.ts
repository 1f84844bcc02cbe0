import { ApiError, adminApi, formatDuration, type SessionSpec } from '@plexd/protocol'
import { requirePermission } from '../../access/require-permission.ts'
import type { Environment, Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { Limits } from '../../limits.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { readRecording } from '../../rows/recordings.ts'
import { createSession } from '../../sessions/create-session.ts'
import { sessionView } from '../../sessions/view.ts'
import { readDuration } from '../wire/durations.ts'
import { findNode } from '../wire/find-node.ts'

/** Answers when the session is durable; its node may not have heard of it yet. */
export const openSession = handle(
  adminApi.openSession,
  async ({ principal, body }, app: State & Seals & Environment) => {
    checkPermissions(principal, body)
    checkPurpose(body)
    const { limits } = app.config
    const times = timesOf(body, limits)
    return app.change(async (unit) => {
      // The token may have been revoked since, and with it all its sessions.
      if (!unit.fleet.operatorByTokenHash(principal.token_hash))
        throw new ApiError('unauthorized', 'unauthorized')
      const node = findNode(unit.fleet, principal, body.node)
      const given = { operator: principal, node, spec: body, ...times }
      const { session, hostKey } = await createSession(unit, given, {
        limits,
        masterKey: app.masterKey,
      })
      return {
        session: sessionView(session, {
          hostname: node.hostname,
          recording: await readRecording(unit.tx, session.id),
          nowMs: unit.nowMs,
        }),
        host_key: hostKey,
        node_mesh_ip: node.mesh_ip,
      }
    })
  },
)

/** Throws an ApiError (403) for what the operator may not ask of a session. */
export function checkPermissions(
  operator: Pick<OperatorRecord, 'role'>,
  { login, forward = [], record = true }: SessionSpec,
): void {
  if (login === 'root') requirePermission(operator, 'sessions.root', 'open a session as root')
  if (forward.length > 0)
    requirePermission(operator, 'sessions.forward', 'open a session with forwards')
  if (!record)
    requirePermission(operator, 'sessions.unrecorded', 'open a session that is not recorded')
}

/** Throws an ApiError (400) for a session that would allow nothing, or contradicts itself. */
function checkPurpose({ shell = true, forward = [], record = true, record_input }: SessionSpec) {
  if (!shell && forward.length === 0)
    throw new ApiError(
      'bad_request',
      'without a shell and without a forward it would allow nothing',
    )
  if (!record && record_input)
    throw new ApiError('bad_request', 'record_input: what is not recorded has no input either')
}

const hourMs = 3_600_000

function timesOf(
  { ttl, idle_timeout }: SessionSpec,
  { session_ms, session_idle_ms }: Pick<Limits, 'session_ms' | 'session_idle_ms'>,
): { ttlMs: number; idleMs: number } {
  const range = { min: '1s', max: formatDuration(session_ms) }
  const ttlMs =
    ttl === undefined ? Math.min(hourMs, session_ms) : readDuration(ttl, { field: 'ttl', ...range })
  const idleMs =
    idle_timeout === undefined
      ? session_idle_ms
      : readDuration(idle_timeout, { field: 'idle_timeout', ...range })
  return { ttlMs, idleMs }
}
