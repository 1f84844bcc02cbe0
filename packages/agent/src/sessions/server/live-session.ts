import type { Duplex } from 'node:stream'
import type { CloseReason } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import ssh2, { type Connection, type ServerChannel } from 'ssh2'
import type { OpenSharedFence, SharedFence } from '../../contain/shared-fence.ts'
import type { OpenPipe } from '../../process/pipe.ts'
import type { ClosedSession, OpenedSession } from '../link.ts'
import type { TellAuthLog } from './auth-log.ts'
import type { SessionRecorder } from './channel-recording.ts'
import { type Connected, sayFarewell } from './farewell.ts'
import { createDialAsUser, type DialerProgram } from './forwards/dial-as-user.ts'
import type { RecordLogin } from './programs/login-records.ts'
import type { OpenPty } from './programs/pty.ts'
import type { Claimable } from './ssh/accept-client.ts'
import { createClientOut } from './ssh/client-out.ts'
import { guardRecording } from './ssh/guard-socket.ts'
import { serveClient } from './ssh/serve-client.ts'

export interface SessionDeps {
  openFence: OpenSharedFence
  /** What starts the process that connects for forwards. */
  dialer: DialerProgram
  openPty: OpenPty
  openPipe: OpenPipe
  recordLogin: RecordLogin
  tellAuthLog: TellAuthLog
  /** Undefined for a session that is not recorded. */
  openRecorder(
    session: OpenedSession,
    onFailure: (error: Error) => void,
  ): SessionRecorder | undefined
  clock: Clock
  log: Log
}

/** A session from when it was opened until all that it has started has ended. */
export interface LiveSession extends Claimable {
  readonly opened: OpenedSession
  /** Whether a client with this key, as SSH encodes it, and this login may have it. */
  isFor(key: Buffer, login: string): boolean
  /** Aborted when it begins to end. */
  readonly ended: AbortSignal
  /** Serves the client that has claimed it. */
  serve(client: Connection, stream: Duplex, from: string): void
  /** Ends it, once: what follows the first reason changes nothing. Resolves when nothing of it is left. */
  end(reason: CloseReason, detail?: string): Promise<void>
  /** Resolves to what is reported. */
  readonly closed: Promise<ClosedSession>
}

/** Between looks at the time. */
const lookMs = 500
/** Rejects if it cannot be recorded as it should. */
export async function openLiveSession(
  opened: OpenedSession,
  deps: SessionDeps,
): Promise<LiveSession> {
  await using opening = new AsyncDisposableStack()
  const fence = opening.use(await deps.openFence())
  const session = createLiveSession(opened, { ...deps, fence })
  opening.move()
  return session
}

interface Opened extends SessionDeps {
  fence: SharedFence
}

function createLiveSession(opened: OpenedSession, deps: Opened): LiveSession {
  const { clock, log, fence } = deps
  const { session_id, claims, token, account } = opened
  const key = keyBytes(opened.authorized_key)
  const closed = Promise.withResolvers<ClosedSession>()
  const over = new AbortController()
  const shown = new Set<ServerChannel>()
  const bytes = { in: 0, out: 0 }
  const startMs = clock.monotonic()
  let lastByteMs = startMs
  let isClaimed = false
  let connected: Connected | undefined
  let ending: Promise<void> | undefined
  const recorder = deps.openRecorder(opened, (error) => {
    void end('error', describeError(error))
  })
  const watch = clock.every(lookMs, look)

  function look(): void {
    if (clock.now() >= opened.expires_at_ms) void end('expired')
    else if (clock.monotonic() - lastByteMs >= opened.idle_timeout_ms) void end('idle')
  }

  function count(way: 'in' | 'out', length: number): void {
    bytes[way] += length
    lastByteMs = clock.monotonic()
  }

  function end(reason: CloseReason, detail = ''): Promise<void> {
    ending ??= endNow(reason, detail)
    return ending
  }

  async function endNow(reason: CloseReason, detail: string): Promise<void> {
    watch[Symbol.dispose]()
    over.abort()
    const [left] = await Promise.all([
      endPrograms(fence),
      connected && sayFarewell(connected, reason, clock),
    ])
    if (left.length > 0) log.warn('processes of a session do not end', { session_id, pids: left })
    const chunks = (await recorder?.close()) ?? 0
    const durationMs = Math.round(clock.monotonic() - startMs)
    await deps.tellAuthLog(`session ${session_id} of ${claims.login} closed: ${reason}`)
    closed.resolve({
      type: 'closed',
      ...{ session_id, reason, detail, duration_ms: durationMs, chunks },
      ...{ bytes_in: bytes.in, bytes_out: bytes.out },
    })
  }

  function serve(client: Connection, stream: Duplex, from: string): void {
    connected = { client, stream, shown }
    lastByteMs = clock.monotonic()
    if (over.signal.aborted) return void stream.destroy()
    // It went right after it had shown who it is, so nothing will tell us any more.
    if (stream.destroyed) return void end('client_closed')
    const text = `session ${session_id} of ${claims.login} opened by ${claims.name} from ${from}`
    void deps.tellAuthLog(text)
    let fault = ''
    client.on('error', (error) => {
      fault = describeError(error)
    })
    stream.once('close', () => void end('client_closed', fault))
    if (recorder) guardRecording(stream, recorder)
    const { openPty, openPipe, recordLogin } = deps
    serveClient(client, stream, {
      ...{ claims, token, account, from, recorder, recordLogin, clock, log, count, shown },
      programs: { fence, openPty, openPipe },
      dial: createDialAsUser(account, fence, deps.dialer),
      ended: over.signal,
      out: createClientOut(stream),
    })
  }

  return {
    opened,
    isFor: (asked, login) => !isClaimed && login === claims.login && asked.equals(key),
    claim() {
      if (isClaimed || ending) return false
      isClaimed = true
      return true
    },
    release() {
      isClaimed = false
    },
    serve,
    end,
    ended: over.signal,
    closed: closed.promise,
  }
}

async function endPrograms(fence: SharedFence): Promise<number[]> {
  await fence[Symbol.asyncDispose]()
  return await fence.end()
}

/** As SSH encodes it. Throws if it is none. */
function keyBytes(text: string): Buffer {
  const parsed = ssh2.utils.parseKey(text)
  if (parsed instanceof Error) throw new Error('read the key of a session', { cause: parsed })
  return parsed.getPublicSSH()
}
