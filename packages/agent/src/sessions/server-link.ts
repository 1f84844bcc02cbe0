import type { FromServer, ToServer } from './link.ts'
import type { ServerProcess, StartServer } from './server-process.ts'

/** The session server, started for the first session and ended after the last. */
export interface ServerLink {
  /** Starts it if need be, after an earlier one has ended. */
  open(): Promise<void>
  /** Dropped if none runs. */
  send(message: ToServer): void
  /** Resolves when it has ended. */
  stop(): Promise<void>
  /** One that does not answer. */
  kill(): void
}

export interface ServerLinkDeps {
  startServer: StartServer
  onMessage(message: FromServer): void
  /** It has ended without having been stopped. */
  onLost(how: string): void
}

export function createServerLink({ startServer, onMessage, onLost }: ServerLinkDeps): ServerLink {
  let running: ServerProcess | undefined
  let stopping: Promise<void> = Promise.resolve()

  function start(): ServerProcess {
    const started = startServer({
      onMessage(message) {
        if (running === started) onMessage(message)
      },
      onEnd(how) {
        if (running !== started) return
        running = undefined
        onLost(how)
      },
    })
    return started
  }

  return {
    async open() {
      // It may still listen on the port of its sessions.
      await stopping
      running ??= start()
    },
    send: (message) => running?.send(message),
    stop() {
      const { stop } = running ?? { stop: () => stopping }
      running = undefined
      stopping = stop()
      return stopping
    },
    kill: () => running?.kill(),
  }
}
