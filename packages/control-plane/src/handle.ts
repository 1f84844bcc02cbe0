import type { Operation, ParamsOf, QueryOf, RequestOf, ResponseOf } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from './access/auth.ts'
import type { App } from './app.ts'
import type { Route } from './http/route.ts'

/** A request that is authenticated and validated. */
export interface Call<O extends Operation> {
  params: ParamsOf<O>
  query: QueryOf<O>
  /** Parsed JSON; the decompressed bytes of a `batch`; undefined for `bytes` and `json-stream`, which the handler reads. */
  body: O extends { requestKind: 'batch' }
    ? Buffer
    : O extends { requestKind: 'bytes' | 'json-stream' }
      ? undefined
      : RequestOf<O>
  /** The original text of a parsed JSON body: parsing loses digits, order and repeated keys. */
  bodyText: string
  principal: Principal<O['auth']>
  headers: FastifyRequest['headers']
  request: FastifyRequest
  /** For other statuses or headers than the default, and for streams, which hijack it. */
  reply: FastifyReply
}

/** What a row's handler returns, by the kind of its answer. */
export type AnswerOf<O extends Operation> = O extends { responseKind: 'json-text' }
  ? string | Buffer
  : O extends { responseKind: 'bytes' }
    ? string | Uint8Array | NodeJS.ReadableStream
    : O extends { responseKind: 'event-stream' | 'websocket' | 'empty' }
      ? undefined
      : ResponseOf<O>

/** The result of `handle`; named after its operation in the table. */
export type Handler = Omit<Route<unknown>, 'name'>

/** Requires a handler for every row of a table. */
export type Handlers<Api extends Record<string, Operation>> = {
  [Name in keyof Api]: (app: App) => Handler
}

/** Connects a handler to its row. Return the body, or nothing after sending it; throw an ApiError. */
export function handle<O extends Operation, Needs = App>(
  operation: O,
  run: (call: Call<O>, app: Needs) => Promise<AnswerOf<O> | undefined>,
): (app: Needs) => Handler {
  return (app) => ({
    operation,
    run: (request, reply, principal) => {
      const { params, query, body, bodyText, headers } = request
      const call = { params, query, body, bodyText, principal, headers, request, reply }
      return run(call as Call<O>, app) // the server has validated it against the row
    },
  })
}

/** The rows of a table with their handlers, for the server. */
export function routesOf<Api extends Record<string, Operation>>(
  table: Api,
  handlers: Handlers<Api>,
  app: App,
): Route<unknown>[] {
  return Object.keys(table).map((name) => ({ name, ...handlers[name as keyof Api](app) })) // a row's name
}
