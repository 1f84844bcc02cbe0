import { once } from 'node:events'
import { type AddressInfo, isIPv6, type Server, type Socket } from 'node:net'
import { describeError, systemClock } from '@plexd/runtime'
import type { Limits } from '../config/limits.ts'
import type { Problems } from '../health/problems.ts'
import { loadPeerCredentials } from '../process/sockets/peer-credentials.ts'
import { createHandler, type Handler, type HandlerOptions } from './answers/handler.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'
import type { Caller } from './requests/answer.ts'
import { createBodyRoom } from './sockets/body-room.ts'
import { createConnections } from './sockets/connections.ts'
import type { Door } from './sockets/door.ts'
import { createGroupLookup } from './sockets/group.ts'
import { listenOnSocket } from './sockets/socket-file.ts'
import { openTokenFile } from './sockets/token-file.ts'

export interface LocalApiOptions extends Omit<HandlerOptions, 'secretAccess'> {
  /** Path of the Unix socket; undefined: none. */
  socketPath: string | undefined
  /** Group that may use the socket, and the one that may read secret values over it: names, or numbers. */
  group?: string
  secretsGroup?: string
  /** The TCP listener; undefined: none. */
  http?: { listen: string; tokenFile: string | undefined } | undefined
  problems: Problems
  limits: Limits
}

export interface LocalApi extends AsyncDisposable {
  /** `host:port` of the TCP listener, with the port that it got; undefined when there is none or it could not start. */
  readonly httpAddress: string | undefined
}

/**
 * Serves the Local Node API to programs on this node: over a Unix socket, where the kernel identifies the caller, and
 * over TCP with a bearer token.
 *
 * Rejects if the socket cannot be served. If the TCP listener cannot start (no token, port in use), that is a problem
 * named `local-api-http` instead. Disposing answers open watches, waits for running requests, and removes the socket,
 * within a second.
 */
export async function startLocalApi(options: LocalApiOptions): Promise<LocalApi> {
  const { group = 'plexd', secretsGroup = 'plexd-secrets', socketPath, clock, log } = options
  const secretsGid = createGroupLookup(secretsGroup, { monotonic: clock.monotonic, log })
  const ownUid = process.getuid?.() ?? 0
  const handler = createHandler({
    ...options,
    secretAccess: async () => ({ ownUid, secretsGid: await secretsGid() }),
  })
  const connections = createConnections(options.limits, log)
  const place = { handler, connections, bodies: createBodyRoom(options.limits), ...options }
  const servers: Served[] = []
  const socket = socketPath === undefined ? undefined : await serveSocket(socketPath, group, place)
  if (socket) servers.push(socket)
  const tcp = options.http && (await serveTcp(options.http, place))
  if (tcp) servers.push(tcp)

  return {
    httpAddress: tcp && formatAddress(tcp.server.address() as AddressInfo), // of a TCP server that listens
    async [Symbol.asyncDispose]() {
      handler[Symbol.dispose]()
      await Promise.all([socket?.[Symbol.asyncDispose](), ...servers.map(stop)])
    },
  }
}

interface Served extends HttpServer {
  /** Closes the additional listeners of the server. */
  closeOthers?(): Promise<void>
}

interface Place extends LocalApiOptions, Pick<Door, 'connections' | 'bodies'> {
  handler: Handler
}

async function serveSocket(
  path: string,
  group: string,
  { handler, problems, clock, log, ...common }: Place,
): Promise<Served & AsyncDisposable> {
  const readCredentials = await loadPeerCredentials(log)
  const callers = new WeakMap<Socket, Caller>()
  const http = createHttpServer(handler, {
    ...common,
    ownerOf(socket) {
      const credentials = readCredentials(socket)
      callers.set(socket, { via: 'unix', credentials })
      return credentials?.uid ?? 'unknown'
    },
    identify: (socket) => callers.get(socket),
  })
  const file = await listenOnSocket(http.server, {
    path,
    group,
    // Asked only when it may have changed.
    findGroup: createGroupLookup(group, { monotonic: clock.monotonic, log, freshMs: 0 }),
    problems,
    clock,
    log,
  })
  log.info('local API listens', { socket: path })
  return {
    ...http,
    closeOthers: file.close,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

async function serveTcp(
  { listen, tokenFile }: { listen: string; tokenFile: string | undefined },
  { handler, clock, log, problems, ...common }: Place,
): Promise<HttpServer | undefined> {
  try {
    if (tokenFile === undefined)
      throw new Error('it needs a token file: set node_api.http.token_file')
    const token = openTokenFile(tokenFile, clock, log)
    const http = createHttpServer(handler, {
      ...common,
      ownerOf: () => 'tcp',
      identify: (_socket, authorization) =>
        token.admits(authorization) ? { via: 'token' } : undefined,
    })
    await listenOnTcp(http.server, listen)
    log.info('local API listens', { address: listen })
    return http
  } catch (error) {
    const reason = describeError(error)
    log.error('the TCP listener of the local API is off', { address: listen, error: reason })
    problems.set('local-api-http', `the local API is not served on "${listen}": ${reason}`)
    return undefined
  }
}

async function listenOnTcp(server: Server, address: string): Promise<void> {
  const [, host = '', port] = /^(?:\[(?=.*\]))?([^[\]]*?)\]?:(\d{1,5})$/.exec(address) ?? []
  if (port === undefined) throw new Error(`listen on "${address}": want HOST:PORT`)
  const listening = once(server, 'listening')
  server.listen({ port: Number(port), ...(host === '' ? {} : { host }) })
  await listening
}

function formatAddress({ address, port }: AddressInfo): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

/** Waits for running requests, up to 700 ms. */
async function stop({ server, closeIdle, closeOthers }: Served): Promise<void> {
  const closed = Promise.all([new Promise((resolve) => server.close(resolve)), closeOthers?.()])
  closeIdle()
  const idle = systemClock.every(50, closeIdle)
  const late = setTimeout(() => server.closeAllConnections(), 700)
  await closed
  idle[Symbol.dispose]()
  clearTimeout(late)
}
