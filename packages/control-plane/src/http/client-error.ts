import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { answerHeader, codeOf } from '@plexd/protocol'

/** How far the answer is to the request that a connection is at. */
export type Answered = 'not' | 'begun' | 'whole'

/**
 * Answers what is no HTTP request, or takes too long to become one, in the words of all our failures, and hangs up. A
 * request that goes wrong behind its own answer gets no second one: that would stand in the middle of the first, or be
 * taken for the answer to something else.
 */
export function answerClientError(
  life: string,
  error: NodeJS.ErrnoException,
  socket: Socket,
  answered: Answered,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // Refused already: it goes on sending, and would lose the answer if we closed at once.
  if (socket.writableEnded) return
  if (!socket.writable || answered === 'begun') {
    socket.destroy()
    return
  }
  socket.end(answered === 'whole' ? '' : refusal(life, statusOf(error.code)))
  // Whoever does not take the answer, or goes on sending, must not keep the connection.
  const linger = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(linger))
}

const lingerMs = 1_000

function refusal(life: string, status: number): string {
  const body = JSON.stringify({ error: errorOf(status), code: codeOf(status) })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `${answerHeader}: ${life}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

function statusOf(code: string | undefined): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
}

function errorOf(status: number): string {
  if (status === 408) return 'the request took too long'
  return status === 431 ? 'the request headers are too large' : 'the request is not valid HTTP'
}
