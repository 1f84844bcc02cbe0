import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { adminApi, errorOf } from '@plexd/protocol'
import { headOf, placeOf, TunnelAgent, trusting, watchUnsent, whenGivenUp } from '@plexd/runtime'
import { explainRefusal, type Target } from './failure.ts'
import type { Servers } from './servers.ts'

export interface OpenRequest {
  method: string
  /** Path and query, encoded. */
  path: string
  headers?: Record<string, string>
  body?: Readable
  signal?: AbortSignal
}

/** Resolves with a successful answer whose body has not been read yet; rejects with an ApiError or a CliError. */
export type Open = (request: OpenRequest) => Promise<http.IncomingMessage>

/** A connection without traffic for this long is dead; the control plane sends comments on idle streams. */
const idleMs = 90_000
const maxErrorBytes = 64 * 1024

export function createOpen(servers: Servers, who: Who): Open {
  return async (request) => {
    const { method, path, body, signal } = request
    const isOnce = body !== undefined
    if (isOnce && servers.targets.length > 1) await findServing(servers, who, signal)
    return await servers.ask({
      what: `${method} ${path}`,
      isRead: method === 'GET',
      isOnce,
      ask: (target) => openAt(target, who, request),
      signal,
    })
  }
}

interface Who {
  userAgent: string
  token: string
}

/** A body is read only once, so who takes it has to be known before. */
async function findServing(
  servers: Servers,
  who: Who,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { method, path } = adminApi.whoAmI
  await servers.ask({
    what: `${method} ${path}`,
    isRead: true,
    ask: async (target) => void (await openAt(target, who, { method, path })).destroy(),
    signal,
  })
}

async function openAt(
  options: Target,
  { userAgent, token }: Who,
  { method, path, headers, body, signal }: OpenRequest,
): Promise<http.IncomingMessage> {
  const { secure, prefix, place } = placeOf(options.server)
  const { proxyUrl } = options
  const request = (secure ? https : http).request({
    method,
    ...place,
    path: prefix + path,
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${token}`,
      'user-agent': userAgent,
      ...headers,
    },
    agent: secure && proxyUrl !== undefined ? new TunnelAgent({}, { proxyUrl }) : false,
    ...(secure ? trusting(options.caFile) : {}),
    ...(signal ? { signal } : {}),
  })
  let answered: http.IncomingMessage | undefined
  request.setTimeout(idleMs, () => {
    const silence = new Error(`silent for ${idleMs / 1_000} s`)
    // The reader of the answer gets the answer's error, not the request's.
    answered?.destroy(silence)
    request.destroy(silence)
  })
  const response = await answerTo(request, body, signal)
  answered = response
  const head = headOf(response)
  if (head.status >= 200 && head.status < 300) return response
  throw explainRefusal(errorOf({ ...head, body: await readSome(response) }), options)
}

/** The answer may arrive before the body is sent, if the server does not want the body. */
function answerTo(
  request: http.ClientRequest,
  body: Readable | undefined,
  signal: AbortSignal | undefined,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', (response) => {
      body?.unpipe(request)
      resolve(response)
    })
    const marked = watchUnsent(request)
    const fail = (error: Error): void => reject(marked(error))
    request.on('error', fail)
    whenGivenUp(request, signal, fail)
    if (!body) return void request.end()
    body.on('error', (error) => request.destroy(error))
    body.pipe(request)
  })
}

async function readSome(response: http.IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk
      if (text.length > maxErrorBytes) break
    }
  } catch {
    // The server stopped reading and closed the connection. Use the part of its answer that arrived.
  }
  return text
}
