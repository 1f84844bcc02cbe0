import { connect } from 'node:net'
import { errorCodeOf } from '@plexd/runtime'

/** A connection to wireguard-go, which answers one request after another since version 0.0.20210212. */
export interface UapiConnection {
  /** Resolves to the answer, or to what came of it before the other side closed the connection. */
  ask(request: string, timeoutMs: number): Promise<string>
  isOpen(): boolean
  close(): void
}

/** A Unix socket is connected when this returns; an error is reported by the first request. */
export function connectUapi(path: string): UapiConnection {
  const socket = connect(path)
  // As bytes: each step from texts of the parts to one of all would leave 300 KB of garbage, with a thousand peers.
  let parts: Buffer[] = []
  let waiting: PromiseWithResolvers<string> | undefined
  const answer = (): string => Buffer.concat(parts).toString('latin1')
  socket.on('data', (part: Buffer) => {
    parts.push(part)
    if (isEnd(parts)) waiting?.resolve(answer())
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.resolve(answer()))

  return {
    async ask(request, timeoutMs) {
      parts = []
      waiting = Promise.withResolvers()
      const signal = AbortSignal.timeout(timeoutMs)
      signal.onabort = () => socket.destroy(new NoAnswer(timeoutMs))
      // An idle connection keeps no process from ending.
      socket.ref().write(request)
      try {
        return await waiting.promise
      } catch (error) {
        socket.destroy()
        // The queue of the socket is full, because nothing is accepted.
        throw errorCodeOf(error) === 'EAGAIN' ? new NoAnswer(timeoutMs) : error
      } finally {
        signal.onabort = null
        waiting = undefined
        parts = []
        socket.unref()
      }
    },
    isOpen: () => !socket.destroyed && !socket.readableEnded,
    close: () => socket.destroy(),
  }
}

/** Whether the last line is empty. A part may end between the two line feeds. */
function isEnd(parts: readonly Buffer[]): boolean {
  const [before, last] = parts.slice(-2).map((part) => part.toString('latin1', part.length - 2))
  return `${before}${last ?? ''}`.endsWith('\n\n')
}

/** A process listens, but does not answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1_000} s`)
  }
}
