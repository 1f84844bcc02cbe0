import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { answerHeader, codeOf } from '@plexd/protocol'

/** How much of the answer to a connection's current request has been sent. */
export type Answered = 'not' | 'begun' | 'whole'

/**
 * Answers input that is not a valid HTTP request, or arrives too slowly, in our error format, and closes the connection.
 * If an answer has already begun, no second one is sent: it would end up inside the first, or be
 * taken for the answer to another request.
 */
export function answerClientError(
  life: string,
  error: NodeJS.ErrnoException,
  socket: Socket,
  answered: Answered,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // Already refused: the client is still sending, and would lose the answer if we closed at once.
  if (socket.writableEnded) return
  if (!socket.writable || answered === 'begun') {
    socket.destroy()
    return
  }
  socket.end(answered === 'whole' ? '' : refusal(life, statusOf(error.code)))
  // A client that neither reads the answer nor stops sending must not keep the connection.
  const linger = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(linger))
}

/** How long a client that is not heard any more may take to read its answer. */
export const lingerMs = 1_000

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
