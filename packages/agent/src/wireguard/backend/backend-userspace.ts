import { statSync } from 'node:fs'
import { join } from 'node:path'
import { rememberPeers } from './known-peers.ts'
import { checkAnswer, getRequest, parseGetAnswer, parsePeer, setRequest } from './uapi.ts'
import { connectUapi, NoAnswer, type UapiConnection } from './uapi-connection.ts'
import type { UapiWatch } from './uapi-watch.ts'
import type { Backend } from './wg-interface.ts'

/** The folder of wireguard-go's sockets. */
export const uapiDir = '/var/run/wireguard'

/**
 * Drives wireguard-go through its Unix socket. One connection is kept for all requests, because what another program changes is noticed
 * by its connecting.
 */
export function createUserspaceBackend(options: {
  interfaceName: string
  uapiDir: string
  uapiWatch: UapiWatch
  /** For reads; writes, of up to a thousand peers, get twice as long. */
  timeoutMs?: number
}): Backend {
  const { interfaceName, uapiWatch, timeoutMs = 5_000 } = options
  const socketPath = uapiSocketPath(options.uapiDir, interfaceName)
  const parsePeers = rememberPeers(parsePeer)
  let kept: Connection | undefined

  /** Of the socket that is there now: another wireguard-go makes its own. */
  function inode(): number | undefined {
    return statSync(socketPath, { throwIfNoEntry: false })?.ino
  }

  /** The connection that was kept, unless it is in use or of no use any more. */
  function takeKept(): Connection | undefined {
    const taken = kept
    kept = undefined
    if (taken?.isOpen() && taken.inode === inode()) return taken
    taken?.close()
    return undefined
  }

  function connect(): Promise<Connection> {
    return uapiWatch.connecting(() => ({ ...connectUapi(socketPath), inode: inode() }))
  }

  /** After a refusal what is left of the request would be taken for the next one. */
  async function askOn(connection: Connection, request: string): Promise<string> {
    const answer = await connection.ask(request, request === getRequest ? timeoutMs : 2 * timeoutMs)
    if (kept || !answer.endsWith('errno=0\n\n')) connection.close()
    else kept = connection
    return answer
  }

  /** If wireguard-go has closed the kept connection meanwhile, the request is made again: each sets what it sets whatever was before. */
  async function ask(request: string): Promise<string> {
    const connection = takeKept()
    if (!connection) return askOn(await connect(), request)
    const answer = await askOn(connection, request).catch(emptyIfClosed)
    return answer === '' ? askOn(await connect(), request) : answer
  }

  const tell = (cause: unknown): never => {
    throw new Error(`ask wireguard-go for "${interfaceName}"`, { cause })
  }
  return {
    name: 'wireguard-go',
    read: () =>
      ask(getRequest)
        .then((answer) => parseGetAnswer(answer, parsePeers))
        .catch(tell),
    write: (change) => ask(setRequest(change)).then(checkAnswer).catch(tell),
  }
}

interface Connection extends UapiConnection {
  inode: number | undefined
}

function emptyIfClosed(error: unknown): string {
  if (error instanceof NoAnswer) throw error
  return ''
}

export function uapiSocketPath(folder: string, interfaceName: string): string {
  return join(folder, `${interfaceName}.sock`)
}
