import { hash } from 'node:crypto'
import { escapeHtml } from '@plexd/protocol'
import type { PeerCredentials } from '../../process/sockets/peer-credentials.ts'

/** A request, independent of its transport. */
export interface LocalRequest {
  method: string
  /** Path and query as received, encoded. */
  target: string
  /** The value of a header by its lower-case name. */
  header(name: string): string | undefined
  /**
   * The whole body; undefined if it exceeds the limit. Rejects with an ApiError (429) while other bodies use up the memory.
   * Only read by routes with a body.
   */
  body(): Promise<Buffer | undefined>
  caller: Caller
  /** Aborted when the client disconnects or the daemon stops. */
  signal: AbortSignal
}

/** The caller: a process at the other end of the Unix socket, or a holder of the TCP token. */
export type Caller =
  | { readonly via: 'unix'; readonly credentials: PeerCredentials | undefined }
  | { readonly via: 'token' }

/**
 * An answer, built once and sent often: it is immutable, and may be cached. `Content-Length`, `Date` and the index of
 * a state answer are added when it is sent.
 */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Carries `X-Plexd-Index`, and answers 304 to a matching `If-None-Match` if it has an `ETag`. */
  readonly isState: boolean
}

type Headers = Answer['headers']

/** An answer of the router or an error; an answer of state says so. */
export function answerOf(status: number, body: string, headers: Headers, isState = false): Answer {
  return { status, headers, body: Buffer.from(body), isState }
}

/** JSON text that ends in a newline, as Go's encoder prints it. */
function jsonAnswer(status: number, json: string, headers: Headers, isState: boolean): Answer {
  return answerOf(status, `${json}\n`, { 'Content-Type': 'application/json', ...headers }, isState)
}

/** 200, with the hash of the JSON text as its ETag. */
export function stateAnswer(json: string): Answer {
  return jsonAnswer(200, json, { ETag: `"${hash('sha256', `${json}\n`).slice(0, 24)}"` }, true)
}

/** 200 with JSON text that must not be cached anywhere. */
export function liveAnswer(json: string, headers: Headers = {}): Answer {
  return jsonAnswer(200, json, { 'Cache-Control': 'no-store', ...headers }, true)
}

export function errorAnswer(status: number, error: string): Answer {
  return jsonAnswer(status, goJson({ error }), {}, false)
}

export const unauthorizedAnswer = errorAnswer(401, 'unauthorized')

/** The answers that Go's router and `http.Error` generate. */
export function textAnswer(status: number, text: string, headers: Headers = {}): Answer {
  return answerOf(status, `${text}\n`, {
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
  })
}

export const emptyAnswer = answerOf(204, '', {}, true)

/** The answer, or 304 without a body if the client already has it. */
export function unlessKnown(answer: Answer, ifNoneMatch: string | undefined): Answer {
  const etag = answer.headers.ETag
  if (ifNoneMatch === undefined || etag === undefined || !names(ifNoneMatch, etag)) return answer
  return { ...emptyAnswer, status: 304, headers: { ETag: etag } }
}

/** RFC 9110 section 13.1.2: `*`, or a list of tags compared without regard to `W/`. */
function names(list: string, etag: string): boolean {
  if (list.trim() === '*') return true
  return list.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

/** JSON text with `<`, `>`, `&`, U+2028 and U+2029 escaped. */
export function goJson(value: unknown): string {
  return escapeHtml(JSON.stringify(value))
}
