import http from 'node:http'
import https from 'node:https'
import { controlApi, errorOf, fillPath, instanceHeader, revisionHeader } from '@plexd/protocol'
import { readCa } from '@plexd/runtime'
import type { AgentConfig } from '../config.ts'
import { userAgent } from './client.ts'
import { askAs, type Credentials } from './credentials.ts'

/** An open event stream: its bytes as they arrive. Iteration ends when the server closes it and throws when it breaks. */
export interface StreamConnection {
  chunks: AsyncIterable<Uint8Array>
  /** The `Date` header of the answer. */
  date: string | undefined
  /** Of this machine. */
  localAddress?: string | undefined
}

export interface StreamRequest {
  lastEventId: string
  /** Of the state that we have; empty for none. */
  revision: string
  signal: AbortSignal
}

export type ConnectStream = (request: StreamRequest) => Promise<StreamConnection>

type StreamConfig = Pick<AgentConfig, 'apiUrl' | 'caFile' | 'streamIdleMs'>

/**
 * Connects by its own socket: a stream has no total timeout, only one for silence, and must not wait for a free
 * connection behind other requests. Every other answer than 200 rejects with an ApiError.
 */
export function createStreamConnector(
  config: StreamConfig,
  who: Credentials & { nodeId: string; instance?: string },
): ConnectStream {
  const base = new URL(config.apiUrl)
  const secure = base.protocol === 'https:'
  const prefix = base.pathname.replace(/\/$/, '')

  const ask = ({ lastEventId, revision, signal }: StreamRequest, bearer: string) =>
    open(secure ? https : http, config.streamIdleMs, {
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || (secure ? 443 : 80),
      path: prefix + fillPath(controlApi.openEvents.path, { node_id: who.nodeId }),
      headers: {
        'user-agent': userAgent,
        accept: 'text/event-stream',
        'cache-control': 'no-cache',
        authorization: `Bearer ${bearer}`,
        ...namedBy(who.instance),
        ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
        ...(revision === '' ? {} : { [revisionHeader]: revision }),
      },
      ...(secure && config.caFile ? { ca: readCa(config.caFile) } : {}),
      agent: false,
      signal,
    })

  return async (request) => {
    const response = await askAs(who, {
      ask: (bearer) => ask(request, bearer),
      isRefused: ({ statusCode }) => statusCode === 401,
      drop: (answer) => void answer.destroy(),
    })
    if (response.statusCode !== 200) throw await failureOf(response)
    const { localAddress } = response.socket
    return { chunks: response, date: response.headers.date, localAddress }
  }
}

function namedBy(instance: string | undefined): Record<string, string> {
  return instance === undefined ? {} : { [instanceHeader]: instance }
}

function open(
  client: typeof http | typeof https,
  idleMs: number,
  options: https.RequestOptions,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answered: http.IncomingMessage | undefined
    const request = client.request(options, (response) => {
      answered = response
      resolve(response)
    })
    request.on('error', reject)
    // Counts from the last byte in either direction, so it covers connecting, waiting and the stream itself.
    request.setTimeout(idleMs, () => {
      const silence = new Error(`no byte from the control plane for ${idleMs / 1_000} s`)
      // Who reads the answer gets the error of the answer, not that of the request.
      answered?.destroy(silence)
      request.destroy(silence)
    })
    request.end()
  })
}

/** As much of an error answer as any text of ours needs. */
const maxErrorBytes = 4_096

async function failureOf(response: http.IncomingMessage): Promise<Error> {
  let body = ''
  for await (const chunk of response) {
    body += String(chunk)
    if (body.length > maxErrorBytes) break
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
  return errorOf({
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: body.slice(0, maxErrorBytes),
  })
}
