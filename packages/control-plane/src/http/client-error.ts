import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { answerHeader, codeOf } from '@plexd/protocol'

/** Answers what is no HTTP request, or takes too long to become one, in the words of all our failures, and hangs up. */
export function answerClientError(
  life: string,
  error: NodeJS.ErrnoException,
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // Answered already: it goes on sending, and would lose the answer if we closed at once.
  if (socket.writableEnded) return
  const status = statusOf(error.code)
  const body = JSON.stringify({ error: errorOf(status), code: codeOf(status) })
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `${answerHeader}: ${life}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // Whoever does not take the answer, or goes on sending, must not keep the connection.
  const linger = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(linger))
}

const lingerMs = 1_000

function statusOf(code: string | undefined): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
}

function errorOf(status: number): string {
  if (status === 408) return 'the request took too long'
  return status === 431 ? 'the request headers are too large' : 'the request is not valid HTTP'
}
