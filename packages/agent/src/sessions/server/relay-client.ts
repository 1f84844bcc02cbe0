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
  /** As many clients as may try have not shown who they are. */
  onRefused(why: string): void
  clock: Pick<Clock, 'sleep'>
  log: Log
}

const retryMs = { first: 500, most: 15_000 }
/** Each costs a key exchange, and none but the operator who opened the session can send them. */
const maxClients = 5

/**
 * Has the relay open until a client has come by it and shown who it is, however often the control plane goes away; a few may fail to.
 * Never rejects.
 */
export async function awaitRelayClient(
  session: OpenedSession,
  { dial, accept, ended, onReady, onRefused, clock, log }: RelayDeps,
): Promise<void> {
  const { session_id } = session
  let failures = 0
  let clients = 0
  while (!ended.aborted) {
    try {
      const stream = await dial(session)
      stream.on('error', () => {}) // it closes too
      if (ended.aborted) return void stream.destroy()
      failures = 0
      onReady()
      // Without a byte nobody has come: the control plane has gone.
      stream.once('data', () => void clients++)
      await acceptUnlessEnded(stream, accept, ended)
      return
    } catch (error) {
      const why = describeError(error)
      log.info('relay of a session', { session_id, error: why, clients })
      if (clients >= maxClients) return onRefused(why)
    }
    await clock.sleep(pauseMs(failures++ + clients), ended).catch(() => {}) // it has ended meanwhile
  }
}

function pauseMs(failures: number): number {
  return Math.min(retryMs.first * 2 ** failures, retryMs.most)
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
