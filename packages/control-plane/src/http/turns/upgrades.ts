import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, type Operation } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { lingerMs } from './client-error.ts'
import type { Turns } from './turns.ts'

/**
 * Whether there is a body, whose bytes would be read as frames: RFC 9110, section 7.8, has the new protocol begin after it.
 */
function hasBody(headers: IncomingMessage['headers']): boolean {
  return 'transfer-encoding' in headers || (headers['content-length'] ?? '0') !== '0'
}

/**
 * Whether Node hands the connection of a request over instead of parsing on. Only for rows that answer with a WebSocket: for any
 * other, a client may offer an upgrade and be answered as if it had not (RFC 9110, section 7.8).
 */
export function upgradesOf(
  operations: readonly Operation[],
): (request: IncomingMessage) => boolean {
  const paths = operations
    .filter(({ responseKind }) => responseKind === 'websocket')
    .map(({ path }) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/?]+')}(\\?|$)`))
  return ({ method, url = '', headers }) =>
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    !hasBody(headers) &&
    paths.some((path) => path.test(url))
}

/**
 * Has requests for a WebSocket go the way of all others: admission, caller, validation. Their answer is written by a
 * response of our own, because Node has let go of the connection.
 */
export function takeUpgrades(server: Server, Response: typeof ServerResponse, turns: Turns): void {
  server.on('upgrade', (request, socket, head) => {
    // It may break at any time, and Node no longer listens.
    socket.on('error', () => socket.destroy())
    // Nothing may come after the request before it is answered, and nothing may be unanswered before it.
    if (!turns.letGo(request.socket) || head.length > 0) {
      socket.destroy()
      return
    }
    const response = new Response(request)
    response.shouldKeepAlive = false
    response.assignSocket(request.socket)
    response.once('finish', () => hangUp(socket))
    server.emit('request', request, response)
  })
}

/** After a refusal. Closing at once while the client is still sending would lose the answer. */
function hangUp(socket: Duplex): void {
  socket.end()
  socket.resume()
  const linger = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(linger))
}

/** Throws an ApiError (426, or 400 for a bad key) if the request does not ask for a WebSocket. */
export function demandWebSocket({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  const { upgrade } = raw as { upgrade?: boolean } // set by Node's parser, and not in its types
  const isAsked = upgrade === true && headers['sec-websocket-version'] === '13'
  if (!isAsked) {
    reply.header('upgrade', 'websocket').header('connection', 'upgrade')
    reply.header('sec-websocket-version', '13')
    throw new ApiError(
      'upgrade_required',
      'only a WebSocket of version 13 is answered here (RFC 6455): send Connection, Upgrade and Sec-WebSocket-Version along, and no body',
    )
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? ''))
    throw new ApiError('bad_request', 'header Sec-WebSocket-Key: want 16 bytes in base64')
}

export interface Upgrader {
  /** Answers 101. Undefined if the client has gone meanwhile. */
  accept(reply: FastifyReply): WebSocket | undefined
}

/** `headers` are sent with each 101. */
export function createUpgrader(options: {
  maxMessageBytes: number
  headers: Readonly<Record<string, string>>
}): Upgrader {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // What is relayed is encrypted, so it cannot be compressed.
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    // Bounds what a client that sends little at a time makes us hold: our own send whole messages.
    maxFragments: 64,
    maxBufferedChunks: 1_024,
  })
  server.on('headers', (lines) => {
    for (const [name, value] of Object.entries(options.headers)) lines.push(`${name}: ${value}`)
  })
  return {
    accept(reply) {
      const { raw } = reply.hijack().request
      // We speak no subprotocol, whatever is offered. A bad list of them would be refused here, and not with a problem in JSON.
      delete raw.headers['sec-websocket-protocol']
      let accepted: WebSocket | undefined
      server.handleUpgrade(raw, raw.socket, Buffer.alloc(0), (socket) => {
        accepted = socket
      })
      raw.socket.resume()
      return accepted
    },
  }
}
