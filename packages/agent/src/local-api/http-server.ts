import http from 'node:http'
import type { Handler } from './answers/handler.ts'
import { installFastPath } from './fast-path.ts'
import {
  type Answer,
  type Caller,
  type LocalRequest,
  unauthorizedAnswer,
} from './requests/answer.ts'
import { maxBodyBytes } from './requests/report-body.ts'
import type { BodyClaim } from './sockets/body-room.ts'
import type { Door } from './sockets/door.ts'

export interface HttpServer {
  /** Not listening yet. */
  server: http.Server
  /** Closes idle connections. */
  closeIdle(): void
}

/**
 * A body over the limit is answered at once, and the rest is read and discarded for this long: closing the connection
 * while the client is still sending would lose the answer.
 */
const drainMs = 5_000

/** Passes requests to the handler, and sends its answers. Simple reads do not get here, see fast-path.ts. */
export function createHttpServer(handler: Handler, door: Door): HttpServer {
  const server = http.createServer(
    {
      // Against clients that are slow on purpose. Answers have no timeout: a blocking query takes minutes.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      response.once('close', door.connections.busy(request.socket))
      void serve(handler, door, request, response)
    },
  )
  const fastPath = installFastPath(server, handler, door)
  return {
    server,
    closeIdle() {
      fastPath.closeIdle()
      server.closeIdleConnections()
    },
  }
}

async function serve(
  handler: Handler,
  { identify, connections, bodies }: Door,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const caller = identify(request.socket, request.headers.authorization)
  const claim = bodies.open(connections.ownerOf(request.socket))
  response.once('close', () => claim[Symbol.dispose]())
  const answer = caller
    ? handler.handle(createRequest(request, response, caller, claim))
    : unauthorizedAnswer
  send(response, answer instanceof Promise ? await answer : answer, handler)
}

function send(response: http.ServerResponse, answer: Answer, { index }: Handler): void {
  const headers: Record<string, string | number> = { ...answer.headers }
  if (answer.isState) headers['X-Plexd-Index'] = index()
  if (answer.status !== 204 && answer.status !== 304) headers['Content-Length'] = answer.body.length
  response.writeHead(answer.status, headers)
  response.end(answer.body)
}

function createRequest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  caller: Caller,
  claim: BodyClaim,
): LocalRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    caller,
    header: (name) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value[0] : value
    },
    body: () => readBody(request, claim),
    // Created on demand, because most requests are answered synchronously.
    get signal() {
      const controller = new AbortController()
      response.once('close', () => controller.abort())
      return controller.signal
    },
  }
}

/**
 * Undefined as soon as the body is too long, or if the client disconnects. Rejects if there is no room for it. Chunks
 * are copied into one buffer: separate chunks of a byte each would take a hundred times the memory.
 */
function readBody(request: http.IncomingMessage, claim: BodyClaim): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>()
  let kept = Buffer.alloc(0)
  let bytes = 0

  function keep(chunk: Buffer): void {
    const length = bytes + chunk.length
    if (length > maxBodyBytes) {
      giveUp()
      resolve(undefined)
      return
    }
    try {
      if (length > kept.length) grow(Math.min(Math.max(length, 2 * kept.length), maxBodyBytes))
      chunk.copy(kept, bytes)
      bytes = length
    } catch (error) {
      giveUp()
      reject(error)
    }
  }

  function grow(size: number): void {
    claim.take(size - kept.length)
    const larger = Buffer.allocUnsafe(size)
    kept.copy(larger, 0, 0, bytes)
    kept = larger
  }

  function giveUp(): void {
    request.off('data', keep).off('end', end)
    claim[Symbol.dispose]()
    drain(request)
  }

  function end(): void {
    resolve(kept.subarray(0, bytes))
  }

  request
    .on('data', keep)
    .on('end', end)
    .on('error', () => resolve(undefined))
    .on('close', () => resolve(undefined))
  return promise
}

function drain(request: http.IncomingMessage): void {
  const { socket } = request
  const late = setTimeout(() => socket.destroy(), drainMs)
  const inTime = (): void => clearTimeout(late)
  request.once('end', inTime).resume()
  socket.once('close', inTime)
}
