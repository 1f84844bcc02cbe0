import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait; while there are more, nothing is read from it. */
const maxWaiting = 8

type Handle = (request: IncomingMessage, response: ServerResponse) => void

interface Line {
  /** The last one that was begun. */
  response?: ServerResponse
  isPaused: boolean
  waiting: [request: IncomingMessage, response: ServerResponse][]
}

/**
 * Lets the requests of one connection be worked on one by one, with a turn for everybody else in between: whoever sends
 * hundreds at once (HTTP pipelining) waits for himself, and keeps nobody waiting. To be called before it listens.
 */
export function takeTurns(server: Server): void {
  const [handle] = server.listeners('request') as Handle[] // the one that it was made with
  if (!handle) return
  const lines = new WeakMap<Socket, Line>()

  function begin(line: Line, request: IncomingMessage, response: ServerResponse): void {
    line.response = response
    response.once('close', () => setImmediate(next, line, request.socket))
    handle?.call(server, request, response)
  }

  function next(line: Line, socket: Socket): void {
    // Nobody would hear the rest.
    if (socket.destroyed) line.waiting = []
    if (line.response?.writableEnded === false) return
    const first = line.waiting.shift()
    if (line.isPaused && line.waiting.length === 0) resume(line, socket)
    if (first) begin(line, ...first)
  }

  server.removeListener('request', handle)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const line = lines.get(socket) ?? { isPaused: false, waiting: [] }
    lines.set(socket, line)
    if (!isBusy(line)) return begin(line, request, response)
    line.waiting.push([request, response])
    if (line.waiting.length > maxWaiting && !line.isPaused) pause(line, socket)
  })
}

/**
 * Whoever has heard the whole answer may ask the next thing, though to us it is not over before the kernel has taken it
 * all: only who does not wait for answers has to wait.
 */
function isBusy({ response, waiting }: Line): boolean {
  return waiting.length > 0 || response?.writableEnded === false
}

function pause(line: Line, socket: Socket): void {
  line.isPaused = true
  socket.pause()
}

function resume(line: Line, socket: Socket): void {
  line.isPaused = false
  socket.resume()
}
