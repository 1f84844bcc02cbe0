import type { Duplex } from 'node:stream'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { OpenedSession } from '../link.ts'
import type { ClientAcceptance } from './session-clients.ts'

/** Opens the node's half of the relay of a session. Rejects if the control plane refuses or is not there. */
export type DialRelay = (session: OpenedSession) => Promise<Duplex>

interface RelayDeps {
  dial: DialRelay
  accept: ClientAcceptance
  /** Aborted when the session has ended. */
  ended: AbortSignal
  onReady(): void
  clock: Pick<Clock, 'sleep'>
  log: Log
}

const retryMs = { first: 500, most: 15_000 }

/** Has the relay open until a client has come by it, however often the control plane goes away. Never rejects. */
export async function awaitRelayClient(
  session: OpenedSession,
  { dial, accept, ended, onReady, clock, log }: RelayDeps,
): Promise<void> {
  const { session_id } = session
  let waitMs = retryMs.first
  while (!ended.aborted) {
    try {
      const stream = await dial(session)
      stream.on('error', () => {}) // it closes too
      if (ended.aborted) return void stream.destroy()
      waitMs = retryMs.first
      onReady()
      return await acceptUnlessEnded(stream, accept, ended)
    } catch (error) {
      log.info('relay of a session', { session_id, error: describeError(error) })
    }
    await clock.sleep(waitMs, ended).catch(() => {}) // it has ended meanwhile
    waitMs = Math.min(2 * waitMs, retryMs.most)
  }
}

async function acceptUnlessEnded(
  stream: Duplex,
  accept: ClientAcceptance,
  ended: AbortSignal,
): Promise<void> {
  const giveUp = (): void => void stream.destroy()
  ended.addEventListener('abort', giveUp)
  try {
    await accept(stream, 'relay')
  } finally {
    ended.removeEventListener('abort', giveUp)
  }
}
