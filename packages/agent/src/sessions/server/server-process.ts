import { isSea } from 'node:sea'
import type { Duplex } from 'node:stream'
import { controlApi } from '@plexd/protocol'
import {
  createLog,
  describeError,
  type Log,
  openWebSocket,
  ownProgram,
  systemClock,
} from '@plexd/runtime'
import { loadSharedFence } from '../../contain/shared-fence.ts'
import { userAgent } from '../../control/client/client.ts'
import { loadOpenPipe } from '../../process/pipe.ts'
import type { FromServer, OpenedSession, ServerSettings, ToServer } from '../link.ts'
import { createAuthLog } from './auth-log.ts'
import type { DialerProgram } from './forwards/dial-as-user.ts'
import { loadRecordLogin } from './programs/login-records.ts'
import { loadOpenPty } from './programs/pty.ts'
import { serverWhenSet } from './server-when-set.ts'
import { openSessionRecorder } from './session-recorder.ts'
import { createSessionServer, type SessionServer } from './session-server.ts'

/** Runs the sessions of a daemon, our parent, until it closes the IPC channel: then all of them end, and the process. */
export async function serveSessions(): Promise<void> {
  const log = createLog('plexd')
  const server = serverWhenSet({ start: startServer, tell: (message) => tell(message, log), log })

  process.on('message', (message: ToServer) => server.hear(message))
  process.once('disconnect', () => {
    const exit = (): void => process.exit()
    server[Symbol.asyncDispose]().then(exit, exit)
  })
  // Whoever ends the daemon at a terminal, or as a service, ends us through it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

async function startServer({ data_dir, log_level }: ServerSettings): Promise<SessionServer> {
  const log = createLog('plexd', log_level)
  return createSessionServer({
    openFence: await loadSharedFence(data_dir, systemClock),
    openPty: await loadOpenPty(),
    openPipe: await loadOpenPipe(),
    recordLogin: await loadRecordLogin(),
    tellAuthLog: createAuthLog(),
    dialer: dialerProgram(),
    openRecorder: openSessionRecorder,
    dialRelay,
    tell: (message) => tell(message, log),
    clock: systemClock,
    log,
  })
}

function tell(message: FromServer, log: Log): void {
  if (!process.connected) return
  process.send?.(message, (error: Error | null) => {
    if (error) log.warn('the daemon is not told', { error: describeError(error) })
  })
}

function dialRelay(
  { control_plane: { url, node_id, token, ca_file, proxy_url } }: ServerSettings,
  { session_id }: OpenedSession,
): Promise<Duplex> {
  return openWebSocket(controlApi.relaySession, {
    ...{ baseUrl: url, params: { node_id, session_id }, token, userAgent },
    ...(ca_file === undefined ? {} : { caFile: ca_file }),
    proxyUrl: proxy_url,
  })
}

/** This program, with its command for that. */
function dialerProgram(): DialerProgram {
  return { program: process.execPath, args: [...ownProgram(isSea()), 'session-dialer'] }
}
