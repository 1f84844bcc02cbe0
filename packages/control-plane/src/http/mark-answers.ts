import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type Server,
  ServerResponse,
} from 'node:http'
import { answerHeader } from '@plexd/protocol'

/**
 * Answers that all have our header, so that no handler can forget it. Without it a node could not tell us from a proxy that
 * answers in our place.
 */
export function markedResponse(life: string): typeof ServerResponse {
  class MarkedResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
    /** Here and not by `setHeader`: after that, Node would check and copy every other header by itself. */
    override writeHead(
      status: number,
      second?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
      third?: OutgoingHttpHeaders | OutgoingHttpHeader[],
    ): this {
      const isReason = typeof second === 'string'
      const headers = { ...((isReason ? third : second) as OutgoingHttpHeaders) } // nobody sends a list
      headers[answerHeader] = life
      return isReason ? super.writeHead(status, second, headers) : super.writeHead(status, headers)
    }
  }
  return MarkedResponse
}

/** Node would answer 417 by itself; an unknown expectation may be ignored (RFC 9110, section 10.1.1). */
export function ignoreExpectations(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}
