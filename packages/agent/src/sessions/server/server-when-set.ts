import { describeError, type Log } from '@plexd/runtime'
import type { FromServer, ServerSettings, ToServer } from '../link.ts'
import type { SessionServer } from './session-server.ts'

interface StartDeps {
  start(settings: ServerSettings): Promise<SessionServer>
  tell(message: FromServer): void
  log: Pick<Log, 'error'>
}

/** A session server that starts with its first settings. If it cannot, each session that it is to open is closed with the reason. */
export function serverWhenSet({ start, tell, log }: StartDeps): SessionServer {
  let server: Promise<SessionServer> | undefined

  function refuse(message: ToServer, error: unknown): void {
    const detail = `start the session server: ${describeError(error)}`
    log.error('session server has not started', { error: detail })
    if (message.type !== 'open') return
    const { session_id } = message.session
    const counts = { duration_ms: 0, bytes_in: 0, bytes_out: 0, chunks: 0 }
    tell({ type: 'closed', session_id, reason: 'error', detail, ...counts })
  }

  return {
    hear(message) {
      if (message.type === 'settings') server ??= start(message)
      server?.then(({ hear }) => hear(message)).catch((error: unknown) => refuse(message, error))
    },
    async [Symbol.asyncDispose]() {
      const running = await server?.catch(() => undefined)
      await running?.[Symbol.asyncDispose]()
    },
  }
}
