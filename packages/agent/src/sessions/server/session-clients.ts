import type { Duplex } from 'node:stream'
import type { Clock } from '@plexd/runtime'
import type { LiveSession } from './live-session.ts'
import { acceptClient } from './ssh/accept-client.ts'

/** Resolves when a client has a session. Rejects with the reason why it gets none. */
export type ClientAcceptance = (stream: Duplex, from: string) => Promise<void>

interface ClientOptions {
  /** In the format of OpenSSH. */
  hostKey: string
  clock: Pick<Clock, 'sleep'>
  /** The sessions that the client may be for, the oldest first. */
  sessions(): Iterable<LiveSession>
  /** Whether the stream is there before the client is. */
  isAwaited: boolean
  onClient(session: LiveSession, from: string): void
}

/** Gives a client the session of its key and login. */
export function acceptFor({
  hostKey,
  clock,
  sessions,
  isAwaited,
  onClient,
}: ClientOptions): ClientAcceptance {
  return async (stream, from) => {
    const find = (key: Buffer, login: string): LiveSession | undefined =>
      [...sessions()].find((session) => session.isFor(key, login))
    const { client, claimed } = await acceptClient(stream, { hostKey, find, clock, isAwaited })
    onClient(claimed, from)
    claimed.serve(client, stream, from)
  }
}
