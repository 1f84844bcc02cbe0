import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Answered } from './client-error.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void
type Feed = (bytes: Buffer) => void

export interface Turns {
  /** How far the answer is to the request that bytes come for on this connection. */
  answered(socket: Socket): Answered
}

/** What is under way on a connection. */
interface Line {
  /** The one that is worked on, until its answer has left. */
  current?: IncomingMessage | undefined
  /** Its answer. */
  answer?: ServerResponse | undefined
  /** The one before it, while what is left of its body comes behind its answer. */
  unfinished?: IncomingMessage | undefined
  /** Behind it, from the same piece. */
  waiting: [request: IncomingMessage, response: ServerResponse][]
}

/** A socket with what Node's HTTP server notes on it: true while answers wait for a reader, and its parser rests. */
type HttpSocket = Socket & { _paused?: boolean }

/**
 * A piece ends with the head of a request. Where a body ends is not looked for: while one is under way, pieces are at
 * least so long, and no more than a dozen of the shortest requests may come along with the end of a body.
 */
const bodyPieceBytes = 256

/** `GET / HTTP/1.1`: no head ends before. Whoever sends nothing but empty lines makes no more of them. */
const requestLineBytes = 14

/**
 * Lets the requests of one connection be worked on one by one, with a turn for everybody else in between: whoever sends
 * hundreds at once (HTTP pipelining) waits for himself, and keeps nobody waiting. To be called before the server listens.
 *
 * Bytes go to Node's parser in pieces, and none while a request is worked on of which all is there: what is sent ahead
 * stays in the socket, and then with its sender. Left alone, Node lets its parser take bytes straight from the handle,
 * and pauses both when a reader is behind with its answers; but a TLS handle goes on giving what it has decrypted, and
 * the paused parser calls that an error: a good request would be answered "not valid HTTP".
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
    // Nobody would hear the rest.
    if (socket.destroyed) line.waiting = []
    const first = line.waiting.shift()
    if (first) begin(line, ...first)
    // Node itself goes on when it has paused.
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
  return { answered: (socket) => answeredOn(lines.get(socket)) }
}

function answeredOn(line: Line | undefined): Answered {
  if (line?.answer?.headersSent) return line.answer.writableEnded ? 'whole' : 'begun'
  // What comes behind a whole request is the next one.
  return line?.unfinished?.complete === false ? 'whole' : 'not'
}

/** Comes between the socket and Node's parser. A listener of its own makes Node give up its way around the stream. */
function feedInPieces(socket: HttpSocket, line: Line): void {
  const [feed] = socket.listeners('data') as Feed[] // of Node's HTTP server
  if (!feed) return
  socket.on('data', (bytes: Buffer) => {
    let at = 0
    while (at < bytes.length && !isHeld(line, socket)) {
      const end = endOfPiece(bytes, at + leastOfPiece(line))
      feed.call(socket, bytes.subarray(at, end))
      at = end
    }
    if (at >= bytes.length || socket.destroyed) return
    socket.pause()
    socket.unshift(bytes.subarray(at))
  })
  socket.off('data', feed)
}

/** While a body is under way its bytes are wanted, whoever else waits. */
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
