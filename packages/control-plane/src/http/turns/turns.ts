import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Answered } from './client-error.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void
type Feed = (bytes: Buffer) => void

export interface Turns {
  /** How much of the answer to the connection's current request has been sent. */
  answered(socket: Socket): Answered
  /**
   * The connection is not HTTP any more: its bytes stay in the socket, for whoever reads it. False if a request on it waits for
   * its answer.
   */
  letGo(socket: Socket): boolean
}

/** The state of a connection. */
interface Line {
  /** The request being handled, until its answer is sent. */
  current?: IncomingMessage | undefined
  /** Its answer. */
  answer?: ServerResponse | undefined
  /** The previous request, while the rest of its body arrives after its answer. */
  unfinished?: IncomingMessage | undefined
  /** The next request, from the same chunk. */
  waiting: [request: IncomingMessage, response: ServerResponse][]
  /** Ends the feeding of the parser. */
  stop?: () => void
}

/** A socket with a private field of Node's HTTP server: true while answers wait for a slow reader and the parser is paused. */
type HttpSocket = Socket & { _paused?: boolean }

/**
 * A chunk ends with the head of a request. The end of a body is not searched: inside a body, chunks have at least
 * this length, so the end of a body is followed by at most a dozen of the shortest requests.
 */
const bodyPieceBytes = 256

/** `GET / HTTP/1.1`: no head is shorter. Prevents a client that sends only empty lines from causing more chunks. */
const requestLineBytes = 14

/**
 * Handles the requests of one connection one at a time, yielding to others in between: a client that
 * pipelines hundreds of requests delays only itself. Call this before the server listens.
 *
 * The parser gets bytes in chunks, and none while a completely received request is being handled: pipelined requests
 * stay in the socket, and then with the client. By default Node's parser reads straight from the handle,
 * and both are paused while the client is slow to read its answers; but a TLS handle still delivers what it has decrypted,
 * and the paused parser treats that as an error: a valid request would be answered "not valid HTTP".
 */
export function takeTurns(server: Server): Turns {
  const [handle] = server.listeners('request') as Handle[] // the one that it was made with
  if (!handle) throw new Error('take turns: the server has nothing that answers')
  const lines = new WeakMap<Socket, Line>()

  function begin(line: Line, request: IncomingMessage, response: ServerResponse): void {
    line.current = request
    line.answer = response
    response.once('close', () => setImmediate(next, line, request))
    handle?.call(server, request, response)
  }

  function next(line: Line, answered: IncomingMessage): void {
    const socket: HttpSocket = answered.socket
    line.current = undefined
    line.answer = undefined
    line.unfinished = answered.complete ? undefined : answered
    // Nobody is listening any more.
    if (socket.destroyed) line.waiting = []
    const first = line.waiting.shift()
    if (first) begin(line, ...first)
    // If Node has paused, Node resumes.
    if (!isHeld(line, socket)) socket.resume()
  }

  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    const line: Line = { waiting: [] }
    lines.set(socket, line)
    feedInPieces(socket, line)
  })
  server.removeListener('request', handle)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const line = lines.get(request.socket)
    if (line?.current) line.waiting.push([request, response])
    else begin(line ?? { waiting: [] }, request, response)
  })
  return {
    answered: (socket) => answeredOn(lines.get(socket)),
    letGo(socket) {
      const line = lines.get(socket)
      line?.stop?.()
      return !line?.current
    },
  }
}

function answeredOn(line: Line | undefined): Answered {
  if (line?.answer?.headersSent) return line.answer.writableEnded ? 'whole' : 'begun'
  // After a complete request comes the next one.
  return line?.unfinished?.complete === false ? 'whole' : 'not'
}

/** Inserts itself between socket and parser. A data listener of our own makes Node stop bypassing the stream. */
function feedInPieces(socket: HttpSocket, line: Line): void {
  const [feed] = socket.listeners('data') as Feed[] // of Node's HTTP server
  if (!feed) return
  const take = (bytes: Buffer): void => {
    let at = 0
    while (at < bytes.length && !isHeld(line, socket)) {
      const end = endOfPiece(bytes, at + leastOfPiece(line))
      feed.call(socket, bytes.subarray(at, end))
      at = end
    }
    if (at >= bytes.length || socket.destroyed) return
    socket.pause()
    socket.unshift(bytes.subarray(at))
  }
  socket.on('data', take)
  socket.off('data', feed)
  line.stop = () => void socket.off('data', take)
}

/** Inside a body its bytes are always needed, whoever else is waiting. */
function isHeld({ current, waiting }: Line, { _paused, destroyed }: HttpSocket): boolean {
  return _paused === true || destroyed || waiting.length > 0 || current?.complete === true
}

function leastOfPiece({ current, unfinished }: Line): number {
  return (current ?? unfinished)?.complete === false ? bodyPieceBytes : requestLineBytes
}

function endOfPiece(bytes: Buffer, from: number): number {
  const emptyLine = bytes.indexOf('\r\n\r\n', from)
  return emptyLine === -1 ? bytes.length : emptyLine + 4
}
