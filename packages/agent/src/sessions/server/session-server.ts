import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { FromServer, OpenedSession, ServerSettings, ToServer } from '../link.ts'
import { createChunkAnswers } from './chunk-answers.ts'
import { type LiveSession, openLiveSession, type SessionDeps } from './live-session.ts'
import { createMeshListeners } from './mesh-listener.ts'
import { awaitRelayClient, type DialRelay } from './relay-client.ts'
import { acceptFor, type ClientAcceptance } from './session-clients.ts'
import { openSshPrivateKey } from './ssh/host-key.ts'

export interface SessionServerDeps extends Omit<SessionDeps, 'openRecorder'> {
  openRecorder: OpenRecorder
  dialRelay(settings: ServerSettings, session: OpenedSession): ReturnType<DialRelay>
  tell(message: FromServer): void
  clock: Clock
  log: Log
}

/** Stores a chunk, which may fail. */
export type StoreChunk = (chunk: {
  index: number
  final: boolean
  bytes: Uint8Array
}) => Promise<void>

export type OpenRecorder = (
  session: OpenedSession,
  store: StoreChunk,
  onFailure: (error: Error) => void,
) => ReturnType<SessionDeps['openRecorder']>

/** All sessions of a node. */
export interface SessionServer extends AsyncDisposable {
  /** What the daemon says. */
  hear(message: ToServer): void
}

export function createSessionServer(deps: SessionServerDeps): SessionServer {
  const { tell, clock, log } = deps
  const sessions = new Map<string, LiveSession>()
  /** Those on their way into `sessions`. */
  const opening = new Map<string, Promise<void>>()
  const chunks = createChunkAnswers()
  const listeners = createMeshListeners(() => accept(meshSessions, false), log)
  let settings: ServerSettings | undefined
  let hostKey = ''

  const openRecorder: SessionDeps['openRecorder'] = (session, onFailure) => {
    const { session_id } = session
    const store: StoreChunk = ({ index, final, bytes }) => {
      const stored = chunks.wait(session_id, index)
      tell({ type: 'chunk', session_id, index, final, bytes })
      return stored
    }
    return deps.openRecorder(session, store, onFailure)
  }

  function open(opened: OpenedSession): void {
    const { session_id } = opened
    if (sessions.has(session_id) || opening.has(session_id)) return
    const done = openNow(opened)
      .catch((error: unknown) => refuse(opened, error))
      .finally(() => opening.delete(session_id))
    opening.set(session_id, done)
  }

  async function openNow(opened: OpenedSession): Promise<void> {
    const { session_id } = opened
    const session = await openLiveSession(opened, { ...deps, openRecorder })
    sessions.set(session_id, session)
    void session.closed.then(async (report) => {
      sessions.delete(session_id)
      tell(report)
      await closeUnusedListeners()
    })
    try {
      if (opened.way === 'relay') awaitByRelay(session)
      else await awaitInMesh(session)
    } catch (error) {
      await session.end('error', describeError(error))
    }
  }

  function awaitByRelay(session: LiveSession): void {
    const { session_id } = session.opened
    let isReady = false
    void awaitRelayClient(session.opened, {
      ...{ dial: dialRelay, ended: session.ended, clock, log },
      accept: accept(() => [session], true),
      onReady() {
        if (!isReady) tell({ type: 'ready', session_id, listen_addr: 'relay' })
        isReady = true
      },
      onRefused: (why) =>
        void session.end(
          'error',
          `no client has shown that the session is for it; the last one: ${why}`,
        ),
    })
  }

  /** By the settings as they are by then: the node may have a new token. */
  async function dialRelay(session: OpenedSession): ReturnType<DialRelay> {
    if (!settings) throw new Error('the session server has no settings')
    return await deps.dialRelay(settings, session)
  }

  async function awaitInMesh({ opened: { session_id } }: LiveSession): Promise<void> {
    const mesh = settings?.mesh
    if (!mesh) throw new Error('this node has no mesh')
    tell({ type: 'ready', session_id, listen_addr: await listeners.open(mesh) })
  }

  function accept(sessions: () => LiveSession[], isAwaited: boolean): ClientAcceptance {
    return acceptFor({ hostKey, clock, sessions, isAwaited, onClient })
  }

  function onClient({ opened: { session_id } }: LiveSession, from: string): void {
    tell({ type: 'connected', session_id, from })
  }

  function meshSessions(): LiveSession[] {
    return [...sessions.values()].filter(({ opened }) => opened.way === 'mesh')
  }

  async function closeUnusedListeners(): Promise<void> {
    if (meshSessions().length === 0) await listeners.closeAll()
  }

  async function close({
    session_id,
    reason,
    detail,
  }: Extract<ToServer, { type: 'close' }>): Promise<void> {
    await opening.get(session_id)
    await sessions.get(session_id)?.end(reason, detail)
  }

  function refuse({ session_id }: OpenedSession, error: unknown): void {
    const counts = { duration_ms: 0, bytes_in: 0, bytes_out: 0, chunks: 0 }
    const detail = describeError(error)
    tell({ type: 'closed', session_id, reason: 'error', detail, ...counts })
  }

  function configure(given: ServerSettings): void {
    settings = given
    hostKey = openSshPrivateKey(given.host_key_pem)
  }

  return {
    hear(message) {
      if (message.type === 'settings') configure(message)
      else if (message.type === 'open') open(message.session)
      else if (message.type === 'close') void close(message)
      else if (message.type === 'chunk_stored') chunks.settle(message.session_id, message.index)
      else chunks.settle(message.session_id, message.index, message.why)
    },
    async [Symbol.asyncDispose]() {
      chunks.refuse()
      await Promise.all(opening.values())
      chunks.end()
      await Promise.all([...sessions.values()].map((session) => session.end('shutdown')))
      await closeUnusedListeners()
    },
  }
}
