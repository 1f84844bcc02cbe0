import type { AcceptedPayload, CloseReason, NodeSession } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { KnownSessions } from './authorisation/known-sessions.ts'
import { SessionRefusal } from './authorisation/refusal.ts'
import { type AuthoriseDeps, authorise, type SetupPayload } from './authorise.ts'
import type { FromServer, OpenedSession, RecordingChunk, ServerSettings } from './link.ts'
import { describeSession, type LiveSession } from './live-session.ts'
import { createServerLink } from './server-link.ts'
import type { StartServer } from './server-process.ts'
import { createSessionEnds } from './session-ends.ts'
import type { SessionEnd, SessionReports } from './session-reports.ts'

/** The sessions of operators on this node. Disposing ends them all, and reports that. */
export interface Sessions extends AsyncDisposable {
  /**
   * Opens a session, or reports why not. Resolves when what was decided is on the disk; does not reject. One that was set up
   * before is left as it is.
   */
  setUp(payload: SetupPayload): Promise<void>
  /** Ends it, and never opens it again. Resolves when that is on the disk; does not reject. */
  revoke(payload: AcceptedPayload<'session_revoked'>): Promise<void>
  list(): NodeSession[]
  /** One that has not ended. */
  find(sessionId: string): LiveSession | undefined
}

export interface SessionsDeps extends Omit<AuthoriseDeps, 'count' | 'clock'> {
  known: KnownSessions
  reports: SessionReports
  /** Resolves when the part of a recording is on the disk. */
  storeChunk(chunk: RecordingChunk): Promise<void>
  /** As they are now. */
  serverSettings(): ServerSettings
  startServer: StartServer
  /** What a session server that was killed has left. */
  endLeftovers(): Promise<void>
  clock: Pick<Clock, 'now' | 'monotonic' | 'sleep'>
  log: Log
}

/** How long the session server has to close a session. */
const closeMs = 2_000

/** By when it has ended a session that has expired; else this is done from here. */
const expiryGraceMs = 5_000

export async function startSessions(deps: SessionsDeps): Promise<Sessions> {
  const { known, reports, clock, log } = deps
  const live = new Map<string, LiveSession>()
  const ends = createSessionEnds(deps)
  const server = createServerLink({ ...deps, onMessage, onLost })
  let isStopping = false

  for (const session_id of known.leftOpen())
    await ends.settle({ session_id, reason: 'error', detail: 'the agent was killed' })

  async function setUp(payload: SetupPayload): Promise<void> {
    const { session_id = '' } = payload
    const state = session_id === '' ? 'nameless' : known.stateOf(session_id)
    if (state !== undefined) {
      // Its end is reported by whoever opened it.
      log.warn('session is not set up again', { session_id, state })
      return
    }
    try {
      const session = await authorise(payload, { ...deps, count: () => live.size })
      if (isStopping) throw new SessionRefusal('plexd is stopping')
      known.open({ session_id, expires_ms: session.expires_at_ms })
      await start(session)
    } catch (error) {
      const detail = describeRefusal(error)
      log.warn('session refused', { session_id, reason: detail })
      await ends.settle({ session_id, reason: 'refused', detail })
    }
  }

  async function start(session: OpenedSession): Promise<void> {
    const { session_id, claims, way, expires_at_ms } = session
    const one: LiveSession = {
      session,
      openedMs: clock.now(),
      startedMs: clock.monotonic(),
      listenAddr: '',
      from: '',
      closing: undefined,
      over: new AbortController(),
    }
    live.set(session_id, one)
    try {
      await server.open()
    } catch (error) {
      live.delete(session_id)
      throw error
    }
    // It was revoked, or plexd stops, while an earlier server was still ending.
    if (one.closing) return end(one, { session_id, ...one.closing })
    server.send(deps.serverSettings())
    server.send({ type: 'open', session })
    void endAt(one, expires_at_ms + expiryGraceMs)
    const { login, sub: user_id, name: user_name } = claims
    log.info('session opened', { session_id, way, login, user_id, user_name })
  }

  /** The session server ends it in time, if it can. */
  async function endAt({ session: { session_id }, over }: LiveSession, atMs: number) {
    const isOver = await clock.sleep(Math.max(0, atMs - clock.now()), over.signal).then(
      () => false,
      () => true,
    )
    if (!isOver) close(session_id, 'expired', '')
  }

  function close(session_id: string, reason: CloseReason, detail: string): void {
    const one = live.get(session_id)
    if (!one || one.closing) return
    one.closing = { reason, detail }
    server.send({ type: 'close', session_id, reason, detail })
    void clock.sleep(closeMs, one.over.signal).then(
      () => {
        log.error('session server does not close a session, it is killed', { session_id })
        server.kill()
      },
      () => {}, // it has been closed
    )
  }

  function onMessage(message: FromServer): void {
    const one = live.get(message.session_id)
    if (!one) return
    if (message.type === 'ready') {
      one.listenAddr = message.listen_addr
      void reports.ready(message.session_id, message.listen_addr)
    } else if (message.type === 'connected') {
      one.from = message.from
      log.info('session has a client', { session_id: message.session_id, from: message.from })
    } else if (message.type === 'chunk') void store(message)
    else end(one, message)
  }

  async function store(chunk: RecordingChunk): Promise<void> {
    const { session_id, index } = chunk
    try {
      await deps.storeChunk(chunk)
      server.send({ type: 'chunk_stored', session_id, index })
    } catch (error) {
      const why = describeError(error)
      log.error('recording cannot be kept', { session_id, index, error: why })
      server.send({ type: 'chunk_failed', session_id, index, why })
    }
  }

  function onLost(how: string): void {
    log.error('session server ended', { how, sessions: live.size })
    ends.track(deps.endLeftovers())
    for (const one of [...live.values()]) {
      const { closing, session, startedMs } = one
      end(one, {
        session_id: session.session_id,
        ...(closing ?? { reason: 'error', detail: `the session server failed: ${how}` }),
        duration_ms: clock.monotonic() - startedMs,
      })
    }
  }

  function end(one: LiveSession, how: SessionEnd): void {
    one.over.abort()
    live.delete(how.session_id)
    const { session_id, reason, detail, bytes_in, bytes_out } = how
    log.info('session ended', { session_id, reason, detail, bytes_in, bytes_out })
    ends.track(ends.settle(how))
    if (live.size === 0) ends.track(server.stop())
  }

  return {
    setUp,
    async revoke({ session_id, revoked_at }) {
      log.info('session revoked', { session_id, revoked_at, open: live.has(session_id) })
      close(session_id, 'revoked', '')
      ends.note(session_id, 'revoked')
    },
    list: () => [...live.values()].map(describeSession),
    find: (sessionId) => live.get(sessionId),
    async [Symbol.asyncDispose]() {
      isStopping = true
      for (const id of [...live.keys()]) close(id, 'shutdown', 'plexd was stopped')
      await Promise.all([...live.values()].map(ended))
      await server.stop()
      await ends.done()
    },
  }
}

/** Resolves when it has. */
function ended({ over: { signal } }: LiveSession): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

function describeRefusal(error: unknown): string {
  if (error instanceof SessionRefusal) return error.message
  return `this node cannot open it: ${describeError(error)}`
}
