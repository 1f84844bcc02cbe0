import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait; while there are more, nothing is read from it. */
const maxWaiting = 8

interface Line {
  last: Promise<void>
  waiting: number
  isPaused: boolean
}

/**
 * Lets the requests of one connection be worked on one by one, with a turn for everybody else in between: whoever sends
 * hundreds at once (HTTP pipelining) waits for himself, and keeps nobody waiting.
 */
export interface Turns {
  /** Resolves when the request may be worked on; its turn ends when its response is over. */
  wait(request: IncomingMessage, response: ServerResponse): Promise<void>
}

export function createTurns(): Turns {
  const lines = new WeakMap<Socket, Line>()

  return {
    async wait({ socket }, response) {
      const line = lines.get(socket) ?? { last: Promise.resolve(), waiting: 0, isPaused: false }
      const isFirst = line.waiting === 0
      const before = line.last
      lines.set(socket, line)
      line.waiting++
      line.last = new Promise((resolve) => response.once('close', resolve))
      response.once('close', () => leave(line, socket))
      if (line.waiting > maxWaiting && !line.isPaused) pause(line, socket)
      if (isFirst) return
      await before
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function leave(line: Line, socket: Socket): void {
  line.waiting--
  if (!line.isPaused || line.waiting > 1) return
  line.isPaused = false
  socket.resume()
}

function pause(line: Line, socket: Socket): void {
  line.isPaused = true
  socket.pause()
}
