import type { Operation, ParamsOf, QueryOf, RequestOf, ResponseOf } from '@plexd/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from './access/auth.ts'
import type { App } from './app.ts'
import type { Route } from './http/server.ts'

/** A request that may be answered: authenticated, of the right shape. */
export interface Call<O extends Operation> {
  params: ParamsOf<O>
  query: QueryOf<O>
  /** Parsed JSON; the unpacked bytes of a `batch`; undefined for `bytes` and `json-stream`, which the handler reads. */
  body: O extends { requestKind: 'batch' }
    ? Buffer
    : O extends { requestKind: 'bytes' | 'json-stream' }
      ? undefined
      : RequestOf<O>
  /** The body as it was written, where it is parsed JSON: parsing loses digits, order and repeated keys. */
  bodyText: string
  principal: Principal<O['auth']>
  headers: FastifyRequest['headers']
  request: FastifyRequest
  /** For a status or header beside the usual, and for streams, which hijack it. */
  reply: FastifyReply
}

/** What the handler of a row gives back, by the kind of its answer. */
export type AnswerOf<O extends Operation> = O extends { responseKind: 'json-text' }
  ? string
  : O extends { responseKind: 'bytes' }
    ? string | Uint8Array | NodeJS.ReadableStream
    : O extends { responseKind: 'event-stream' | 'empty' }
      ? undefined
      : ResponseOf<O>

/** What `handle` makes; the name is the table's. */
export type Handler = Omit<Route<unknown>, 'name'>

/** Demands a handler for every row of a table. */
export type Handlers<Api extends Record<string, Operation>> = {
  [Name in keyof Api]: (app: App) => Handler
}

/** Ties what answers an operation to its row. Return the body, or nothing after sending it; throw an ApiError. */
export function handle<O extends Operation>(
  operation: O,
  run: (call: Call<O>, app: App) => Promise<AnswerOf<O> | undefined>,
): (app: App) => Handler {
  return (app) => ({
    operation,
    run: (request, reply, principal) => {
      const call = {
        params: request.params,
        query: request.query,
        body: request.body,
        bodyText: request.bodyText,
        principal,
        headers: request.headers,
        request,
        reply,
      }
      return run(call as Call<O>, app) // the server has checked all of it against the row
    },
  })
}

/** The rows of a table with their handlers, for the server. */
export function routesOf(
  handlers: Readonly<Record<string, (app: App) => Handler>>,
  app: App,
): Route<unknown>[] {
  return Object.entries(handlers).map(([name, make]) => ({ name, ...make(app) }))
}
