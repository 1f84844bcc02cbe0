import {
  type AcceptedPayload,
  parseDuration,
  type SessionClaims,
  SshPublicKey,
  validatorOf,
} from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { Account } from './authorisation/accounts.ts'
import { SessionRefusal } from './authorisation/refusal.ts'
import type { VerifyToken } from './authorisation/token.ts'
import type { OpenedSession } from './link.ts'

export type SetupPayload = AcceptedPayload<'ssh_session_setup'>

export interface AuthoriseDeps {
  config: Pick<
    AgentConfig,
    'maxSessions' | 'sessionIdleMs' | 'maxSessionMs' | 'sessionRecordingBytes'
  >
  /** Why this node opens no session at all; empty if it does. */
  whyNone(): string
  verify: VerifyToken
  findAccount(login: string): Promise<Account>
  hasMesh(): boolean
  /** How many sessions are open. */
  count(): number
  clock: Pick<Clock, 'now'>
}

/** What a setup comes to on this node. Rejects with a SessionRefusal. */
export async function authorise(
  payload: SetupPayload,
  deps: AuthoriseDeps,
): Promise<OpenedSession> {
  const { config, clock } = deps
  refuseIf(deps.whyNone() !== '', deps.whyNone())
  refuseIf(
    deps.count() >= config.maxSessions,
    `${config.maxSessions} sessions are open, as many as "sessions.max_sessions" allows`,
  )
  const { kind = 'ssh', session: setup, session_token: token = '' } = payload
  refuseIf(kind !== 'ssh', `this node has no sessions of kind "${kind}"`)
  if (!setup) throw new SessionRefusal('the control plane does not say how to run the session')
  refuseIf(token === '', 'the control plane has sent no session token')
  const claims = await deps.verify(token)
  const authorized_key = readKey(payload)
  refuseIf(
    claims.session_id !== payload.session_id,
    `the session token is for session "${claims.session_id}"`,
  )
  refuseIf(
    claims.recorded && !setup.recording,
    'the session is to be recorded, and there is no key for its recording',
  )
  refuseIf(setup.way === 'mesh' && !deps.hasMesh(), 'this node has no mesh')
  return {
    session_id: claims.session_id,
    claims,
    token,
    authorized_key,
    account: await deps.findAccount(claims.login),
    way: setup.way,
    ...(setup.recording
      ? { recording: { ...setup.recording, limit_bytes: config.sessionRecordingBytes } }
      : {}),
    idle_timeout_ms: idleOf(setup.idle_timeout, config.sessionIdleMs),
    expires_at_ms: endOf(claims, clock.now() + config.maxSessionMs),
  }
}

const sshPublicKey = validatorOf(SshPublicKey)

function readKey({ authorized_key = '' }: SetupPayload): string {
  // A comment says nothing to us.
  const key = authorized_key.trim().split(/\s+/).slice(0, 2).join(' ')
  refuseIf(!sshPublicKey().Check(key), 'the key of the client is no public key that SSH takes here')
  return key
}

/** The wish of the control plane, as far as this node allows it. */
function idleOf(text: string, mostMs: number): number {
  try {
    const ms = parseDuration(text)
    return ms > 0 ? Math.min(ms, mostMs) : mostMs
  } catch {
    return mostMs
  }
}

function endOf({ exp }: SessionClaims, latestMs: number): number {
  return Math.min(exp * 1_000, latestMs)
}

function refuseIf(condition: boolean, why: string): void {
  if (condition) throw new SessionRefusal(why)
}
