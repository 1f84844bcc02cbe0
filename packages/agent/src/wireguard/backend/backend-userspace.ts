import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { errorCodeOf } from '@plexd/runtime'
import { checkAnswer, getRequest, parseGetAnswer, setRequest } from './uapi.ts'
import type { UapiWatch } from './uapi-watch.ts'
import type { Backend } from './wg-interface.ts'

/** Where wireguard-go listens for orders. */
export const uapiDir = '/var/run/wireguard'

/** WireGuard in a process of its own, spoken to on its Unix socket without any program between. */
export function createUserspaceBackend(options: {
  interfaceName: string
  uapiDir: string
  uapiWatch: UapiWatch
  /** For reading; to write a thousand peers may take twice as long. */
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

/** One operation on a connection of its own: ending our side tells wireguard-go that no other follows. */
async function exchange(
  path: string,
  request: string,
  { timeoutMs, onConnected }: { timeoutMs: number; onConnected: () => void },
): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs)
  const socket = connect({ path, allowHalfOpen: true, signal })
  // To a Unix socket it is connected when the call returns, not when the event comes.
  onConnected()
  socket.end(request)
  try {
    return await text(socket)
  } catch (error) {
    // Who has not taken so many that the queue is full is as silent.
    if (signal.aborted || errorCodeOf(error) === 'EAGAIN') throw new NoAnswer(timeoutMs)
    throw error
  }
}

/** Somebody listens, and says nothing. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1_000} s`)
  }
}
