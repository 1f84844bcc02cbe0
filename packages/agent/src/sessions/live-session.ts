import type { CloseReason, NodeSession } from '@plexd/protocol'
import type { OpenedSession } from './link.ts'

/** A session that has been handed to the session server and has not ended. */
export interface LiveSession {
  readonly session: OpenedSession
  readonly openedMs: number
  readonly startedMs: number
  listenAddr: string
  from: string
  /** What it is being closed for. */
  closing: { reason: CloseReason; detail: string } | undefined
  /** Aborted when it has ended. */
  readonly over: AbortController
}

/** What is shown of it. Pure. */
export function describeSession(live: LiveSession): NodeSession {
  const { session, openedMs, listenAddr, from } = live
  const { claims } = session
  return {
    id: session.session_id,
    state: stateOf(live),
    way: session.way,
    login: claims.login,
    user_id: claims.sub,
    user_name: claims.name,
    opened_at: new Date(openedMs).toISOString(),
    expires_at: new Date(session.expires_at_ms).toISOString(),
    listen_addr: listenAddr,
    from,
    recorded: session.recording !== undefined,
  }
}

function stateOf({ closing, from }: LiveSession): NodeSession['state'] {
  if (closing) return 'closing'
  return from === '' ? 'waiting' : 'connected'
}
