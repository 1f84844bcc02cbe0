import { maxErrorChars } from './answer.ts'
import { ApiError, codeOf } from './errors.ts'
import {
  fillPath,
  type Operation,
  type ParamName,
  type ParamsOf,
  type QueryOf,
  type RequestOf,
  type ResponseOf,
} from './operation.ts'
import type { Transport, TransportResponse } from './transport.ts'

/** A body that is already JSON, sent unchanged: parsing it would lose digits, key order and repeated keys. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Types with an opaque payload may be given as raw text. */
type BodyOf<Request> = Request extends { payload: unknown } ? Request | JsonText : Request

type CallInput<O extends Operation> = ([ParamName<O['path']>] extends [never]
  ? unknown
  : { params: ParamsOf<O> }) &
  (O extends { query: object } ? { query?: QueryOf<O> } : unknown) &
  (O extends { request: object } ? { body: BodyOf<RequestOf<O>> } : { body?: Uint8Array }) & {
    headers?: Record<string, string>
    signal?: AbortSignal
  }

/** The answer to a call. */
export interface Answer<Body> {
  status: number
  headers: Record<string, string>
  /** Parsed on first access; undefined if the operation has no answer body, and for a 304. */
  readonly body: Body
  /** The body as received; absent from clients that do not keep the text. */
  text?: string
}

export type Client<Api extends Record<string, Operation>> = {
  [Name in keyof Api]: (input: CallInput<Api[Name]>) => Promise<Answer<ResponseOf<Api[Name]>>>
}

/**
 * One function per row of a table. It rejects with an ApiError for every status that is neither 2xx nor 304,
 * and with the transport's own error if there was no answer. `token` is called for each request. `parse` reads
 * bodies.
 */
export function createClient<Api extends Record<string, Operation>>(
  api: Api,
  transport: Transport,
  token: () => string | undefined = () => undefined,
  parse: (text: string) => unknown = JSON.parse,
): Client<Api> {
  const calls = Object.entries(api).map(([name, operation]) => [
    name,
    (input: LooseInput = {}) => call(operation, { transport, token: token(), parse }, input),
  ])
  return Object.fromEntries(calls) as Client<Api> // one function per row, typed by the row
}

interface LooseInput {
  params?: Record<string, string>
  query?: Record<string, string | undefined>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

interface Caller {
  transport: Transport
  token: string | undefined
  parse: (text: string) => unknown
}

async function call(
  operation: Operation,
  { transport, token, parse }: Caller,
  { params = {}, query = {}, body, headers = {}, signal }: LooseInput,
): Promise<Answer<unknown>> {
  const bytes = body instanceof Uint8Array
  const response = await transport({
    method: operation.method,
    path: fillPath(operation.path, params) + formatQuery(query),
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined
        ? {}
        : { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: bytes ? body : jsonOf(body) }),
    ...(signal ? { signal } : {}),
  })
  const { status, headers: answered, body: text } = response
  if (status !== 304 && (status < 200 || status > 299)) throw errorOf(response)
  let parsed: { value: unknown } | undefined
  return {
    status,
    headers: answered,
    text,
    get body() {
      parsed ??= { value: status === 304 || text === '' ? undefined : parse(text) }
      return parsed.value
    },
  }
}

function jsonOf(body: unknown): string {
  return body instanceof JsonText ? body.text : JSON.stringify(body)
}

function formatQuery(query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

/** The error that an answer describes, whatever its body is. `Retry-After` may be seconds or a date. */
export function errorOf({ status, headers, body }: TransportResponse): ApiError {
  let details: Record<string, unknown> = {}
  try {
    const parsed: unknown = JSON.parse(body.length > maxErrorChars ? '' : body)
    if (typeof parsed === 'object' && parsed !== null) details = { ...parsed }
  } catch {
    // Not JSON, or too large: a proxy answered. The status is all we have.
  }
  const retryAfterSeconds = retryAfterOf(headers)
  const message =
    typeof details.error === 'string' ? details.error : `the server answered ${status}`
  return new ApiError(codeOf(status), message, {
    status,
    details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

/**
 * A date in `Retry-After` is by the sender's clock (RFC 9110, section 10.2.3), so it is taken relative to the answer's `Date`. An answer
 * without `Date` comes from a server without a clock (section 6.6.1): a date from there is no wish, and the caller waits as usual.
 */
function retryAfterOf({
  'retry-after': text,
  date,
}: TransportResponse['headers']): number | undefined {
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const waitMs = Date.parse(text) - Date.parse(date ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs / 1_000)
}
