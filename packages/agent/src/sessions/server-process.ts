import { isSea } from 'node:sea'
import { type Clock, spawnSelf } from '@plexd/runtime'
import { describeEnd, endOf } from '../upgrade/child-end.ts'
import type { FromServer, ToServer } from './link.ts'

/** The session server, which runs all sessions of this node. */
export interface ServerProcess {
  /** What cannot be sent any more is dropped: then `onEnd` is called. */
  send(message: ToServer): void
  /** It ends by itself once nobody speaks to it. Resolves when it has ended; it is killed if that takes too long. */
  stop(): Promise<void>
  /** At once, for one that does not answer. */
  kill(): void
}

export interface ServerEvents {
  onMessage(message: FromServer): void
  /** Once, with how it has ended, as the end of a sentence that begins with its name. */
  onEnd(how: string): void
}

export type StartServer = (events: ServerEvents) => ServerProcess

/** Starts our own program, however it was started. */
export function createServerStarter(
  clock: Pick<Clock, 'sleep'>,
  spawn = () => spawnSelf(['session-server'], isSea()),
): StartServer {
  return ({ onMessage, onEnd }) => {
    const child = spawn()
    child.on('message', (message) => onMessage(message as FromServer)) // of our own program
    const ended = endOf(child).then((end) => onEnd(describeEnd(end)))
    return {
      send(message) {
        if (child.connected) child.send(message, () => {})
      },
      async stop() {
        if (child.connected) child.disconnect()
        const inTime = new AbortController()
        void clock.sleep(patienceMs, inTime.signal).then(
          () => child.kill('SIGKILL'),
          () => {}, // it has ended
        )
        await ended
        inTime.abort()
      },
      kill: () => void child.kill('SIGKILL'),
    }
  }
}

const patienceMs = 3_000
