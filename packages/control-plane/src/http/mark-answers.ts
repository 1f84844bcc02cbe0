import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { answerHeader } from '@plexd/protocol'

/**
 * Puts our header on every answer, before any handler sees the request, so that none can forget it. Without it a
 * node could not tell us from a proxy that answers in our place.
 */
export function markAnswers(server: Server, life: string): void {
  server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader(answerHeader, life)
  })
  // Node would answer 417 by itself; an unknown expectation may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}
