import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { errorCodeOf } from '@plexd/runtime'
import { checkAnswer, getRequest, parseGetAnswer, setRequest } from './uapi.ts'
import type { UapiWatch } from './uapi-watch.ts'
import type { Backend } from './wg-interface.ts'

/** The folder of wireguard-go's sockets. */
export const uapiDir = '/var/run/wireguard'

/** Drives wireguard-go through its Unix socket. */
export function createUserspaceBackend(options: {
  interfaceName: string
  uapiDir: string
  uapiWatch: UapiWatch
  /** For reads; writes, of up to a thousand peers, get twice as long. */
  timeoutMs?: number
}): Backend {
  const { interfaceName, uapiWatch, timeoutMs = 5_000 } = options
  const socketPath = uapiSocketPath(options.uapiDir, interfaceName)

  async function ask(request: string): Promise<string> {
    const readsAll = request === getRequest
    const options = { timeoutMs: readsAll ? timeoutMs : 2 * timeoutMs }
    return uapiWatch.around(
      (onConnected) => exchange(socketPath, request, { ...options, onConnected }),
      { readsAll },
    )
  }

  const tell = (cause: unknown): never => {
    throw new Error(`ask wireguard-go for "${interfaceName}"`, { cause })
  }
  return {
    name: 'wireguard-go',
    read: () => ask(getRequest).then(parseGetAnswer).catch(tell),
    write: (change) => ask(setRequest(change)).then(checkAnswer).catch(tell),
  }
}

export function uapiSocketPath(folder: string, interfaceName: string): string {
  return join(folder, `${interfaceName}.sock`)
}

/** One operation per connection: ending our side tells wireguard-go that no other follows. */
async function exchange(
  path: string,
  request: string,
  { timeoutMs, onConnected }: { timeoutMs: number; onConnected: () => void },
): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs)
  const socket = connect({ path, allowHalfOpen: true, signal })
  // A Unix socket is connected when the call returns, before the event.
  onConnected()
  socket.end(request)
  try {
    return await text(socket)
  } catch (error) {
    // EAGAIN: the queue of the socket is full, because nothing is accepted.
    if (signal.aborted || errorCodeOf(error) === 'EAGAIN') throw new NoAnswer(timeoutMs)
    throw error
  }
}

/** A process listens, but does not answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1_000} s`)
  }
}
