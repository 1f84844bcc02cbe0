import type { CloseReason } from '@plexd/protocol'
import type { FromServer, ToServer } from '../link.ts'
import type { ServerEvents, StartServer } from '../server-process.ts'

/** A session server in this process, which does only what a test says. */
export interface FakeServer {
  start: StartServer
  /** What it was sent, by any of those that were started. */
  readonly heard: ToServer[]
  starts: number
  stops: number
  kills: number
  /** It does not answer to `close`. */
  isHung: boolean
  say(message: FromServer): void
  end(session_id: string, reason: CloseReason, detail?: string): void
  crash(how: string): void
}

export function createFakeServer(): FakeServer {
  let events: ServerEvents | undefined
  const fake: FakeServer = {
    heard: [],
    starts: 0,
    stops: 0,
    kills: 0,
    isHung: false,
    say: (message) => events?.onMessage(message),
    end(session_id, reason, detail = '') {
      const counts = { duration_ms: 1_500, bytes_in: 3, bytes_out: 7, chunks: 0 }
      fake.say({ type: 'closed', session_id, reason, detail, ...counts })
    },
    crash: (how) => events?.onEnd(how),
    start(given) {
      fake.starts++
      events = given
      return {
        send(message) {
          fake.heard.push(message)
          if (message.type !== 'close' || fake.isHung) return
          queueMicrotask(() => fake.end(message.session_id, message.reason, message.detail))
        },
        async stop() {
          fake.stops++
        },
        kill() {
          fake.kills++
          given.onEnd('it was ended by SIGKILL')
        },
      }
    },
  }
  return fake
}
