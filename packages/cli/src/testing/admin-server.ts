import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '@plexd/runtime/testing'

/** What a test scripts for one method and path: a body for status 200, or all of an answer. */
export type Reply = object | ((request: Received, response: ServerResponse) => void)

/** A request as the control plane would see it. */
export interface Received {
  /** Method, path and query, as on the wire. */
  line: string
  headers: IncomingHttpHeaders
  body: unknown
  /** As it came. */
  text: string
}

export interface AdminServer extends AsyncDisposable {
  url: string
  /** In the order they came. */
  requests: Received[]
  lines(): string[]
}

/**
 * Answers what the test scripted by `METHOD /path?query`, and 404 to all else. Of a list of replies each serves one
 * request, the last one all that follow.
 */
export async function startAdminServer(
  replies: Readonly<Record<string, Reply | Reply[]>> = {},
): Promise<AdminServer> {
  const requests: Received[] = []
  const queues = new Map(
    Object.entries(replies).map(([line, reply]) => [
      line,
      Array.isArray(reply) ? [...reply] : [reply],
    ]),
  )
  const server = await serve(async (request, response) => {
    const line = `${request.method} ${request.url}`
    const raw = await text(request)
    const isJson = request.headers['content-type'] === 'application/json'
    const body: unknown = isJson ? JSON.parse(raw) : raw
    const received = { line, headers: request.headers, body, text: raw }
    requests.push(received)
    const queue = queues.get(line) ?? []
    const reply = queue.length > 1 ? queue.shift() : queue[0]
    if (typeof reply === 'function') return reply(received, response)
    if (reply === undefined) answer(response, 404, { error: `not scripted: ${line}` })
    else answer(response, 200, reply)
  })
  return {
    url: server.url,
    requests,
    lines: () => requests.map(({ line }) => line),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

/** A failure as every operation writes it. */
export function failure(status: number, error: string): Reply {
  return (_request, response) => answer(response, status, { error, code: 'scripted' })
}
