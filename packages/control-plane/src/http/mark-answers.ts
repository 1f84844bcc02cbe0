import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { answerHeader } from '@plexd/protocol'

/**
 * Puts on every answer that it is ours, before anybody sees the request: whoever answers cannot forget it. Without it a
 * node could not tell us from a proxy that answers in our place.
 */
export function markAnswers(server: Server, life: string): void {
  server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader(answerHeader, life)
  })
  // Node would answer 417 by itself; an expectation that nobody knows may as well be passed over (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}
