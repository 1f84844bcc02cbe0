import type { Duplex } from 'node:stream'
import type { CloseReason } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Connection, ServerChannel } from 'ssh2'

/** The client of a session. */
export interface Connected {
  client: Connection
  stream: Duplex
  /** Its channels that a person sees. */
  shown: ReadonlySet<ServerChannel>
}

/** In which the client may print why its session has ended, and close; then in which it may take the end of the connection. */
const lastWordsMs = 300
const partingMs = 300

/** A client that is told of the end in the same moment as of the reason shows none: OpenSSH drops what it has not printed yet. */
export async function sayFarewell(
  { client, stream, shown }: Connected,
  reason: CloseReason,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  const text = `\r\nplexd: the session has ended: ${words[reason]}\r\n`
  const told = [...shown].filter((channel) => channel.stderr.writable)
  for (const channel of told) {
    channel.stderr.write(text)
    channel.close()
  }
  if (told.length > 0) await closedWithin(stream, lastWordsMs, clock)
  client.end()
  await closedWithin(stream, partingMs, clock)
  stream.destroy()
}

/** For the client. */
const words: Record<CloseReason, string> = {
  revoked: 'it was revoked',
  expired: 'its time is over',
  idle: 'nothing was sent for too long',
  shutdown: 'plexd stops',
  error: 'something failed on the node',
  client_closed: 'the client has gone',
  refused: 'the node refuses it',
  lost: 'it was lost',
}

async function closedWithin(
  stream: Duplex,
  withinMs: number,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  if (stream.destroyed) return
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  const enough = new AbortController()
  await Promise.race([closed, clock.sleep(withinMs, enough.signal).catch(() => {})])
  enough.abort()
}
