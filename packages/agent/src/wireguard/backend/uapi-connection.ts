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
  const socket = connect(path).setEncoding('latin1')
  let answer = ''
  let waiting: PromiseWithResolvers<string> | undefined
  socket.on('data', (chunk: string) => {
    // Looking at the end of what was put together would copy all of it at each chunk, with a thousand peers a megabyte.
    const isEnd = chunk.endsWith('\n\n') || (chunk === '\n' && answer.endsWith('\n'))
    answer += chunk
    if (isEnd) waiting?.resolve(answer)
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.resolve(answer))

  return {
    async ask(request, timeoutMs) {
      answer = ''
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
        answer = '' // 300 KB with a thousand peers
        socket.unref()
      }
    },
    isOpen: () => !socket.destroyed && !socket.readableEnded,
    close: () => socket.destroy(),
  }
}

/** A process listens, but does not answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1_000} s`)
  }
}
