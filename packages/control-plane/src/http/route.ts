import { ApiError, type Auth, type Operation } from '@plexd/protocol'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HTTPMethods,
  RouteHandlerMethod,
} from 'fastify'
import type { Bodies, Exchange } from './bodies/bodies.ts'
import { parseJson } from './bodies/parse-json.ts'
import { schemasOf } from './schemas.ts'
import { demandWebSocket } from './turns/upgrades.ts'

/** A row of a table with its handler. `run` sends nothing itself, unless it hijacks the reply. */
export interface Route<Principal> {
  name: string
  operation: Operation
  run(request: FastifyRequest, reply: FastifyReply, principal: Principal): Promise<unknown>
}

export interface RouteOptions<Principal> {
  /** Authenticates the caller before the body is read. Throws an ApiError if the call is not allowed. */
  callerOf(operation: Operation): (request: FastifyRequest) => Principal | Promise<Principal>
  /** The body has come, which may take a minute: throws an ApiError if the call is not allowed any more. */
  checkAgain?(operation: Operation, request: FastifyRequest): void
  /** There is a caller, and the call is allowed. */
  onAuthenticated?(request: FastifyRequest): void
  onAnswer?(name: string, status: number, seconds: number): void
  bodies: Bodies
}

/** What hooks and handlers of any route know of it. */
export interface RouteConfig {
  auth?: Auth
  operationName?: string
}

const jsonType = 'application/json; charset=utf-8'

/** Serves a row, as its operation says it. */
export function addRoute<Principal>(
  server: FastifyInstance,
  route: Route<Principal>,
  options: RouteOptions<Principal>,
): void {
  const { operation, name } = route
  const callerOf = options.callerOf(operation)
  server.route({
    method: methodsOf(operation),
    url: fastifyPath(operation.path),
    config: { auth: operation.auth, operationName: name },
    onRequest: async (request) => {
      request.principal = await callerOf(request)
      if (request.principal !== undefined) options.onAuthenticated?.(request)
    },
    ...(isBodyKept(operation)
      ? {
          preValidation: async (request, reply) => {
            Object.assign(request, await bodyOf(operation, { request, reply }, options.bodies))
            options.checkAgain?.(operation, request)
          },
        }
      : {}),
    handler: handlerOf(route, options),
  })
}

/** Validates what was sent, runs the handler, and sends what it returns. */
function handlerOf<Principal>(
  { operation, name, run }: Route<Principal>,
  { onAnswer }: RouteOptions<Principal>,
): RouteHandlerMethod {
  const schemas = schemasOf(operation)
  const { auth, responseKind, status } = operation
  return async (request, reply) => {
    schemas.validate(request)
    if (responseKind === 'websocket') demandWebSocket(request, reply)
    if (request.method === 'HEAD' && responseKind === 'event-stream')
      return reply.type('text/event-stream').send('')
    // Answers may contain keys, tokens and secrets, so caches must not store them (RFC 9111, section 5.2.2.5).
    if (auth !== 'none') reply.header('cache-control', 'no-store')
    const answer = await run(request, reply, request.principal as Principal) // set in onRequest
    // Its answer never ends, so nobody else counts it.
    if (reply.sent && responseKind === 'websocket')
      onAnswer?.(name, status, reply.elapsedTime / 1_000)
    if (reply.sent) return reply
    if (reply.statusCode === 200) reply.code(status)
    if (responseKind === 'json-text' && answer !== undefined) reply.type(jsonType)
    return schemas.serialize(answer, reply)
  }
}

/** HEAD is GET without the content (RFC 9110, section 9.3.2). */
function methodsOf({ method }: Operation): HTTPMethods[] {
  return method === 'GET' ? ['GET', 'HEAD'] : [method]
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; undefined if unauthenticated. */
    principal: unknown
    /** The original JSON text; empty if no body is parsed. */
    bodyText: string
  }
}

const utf8 = new TextDecoder()

/** Not for bodies that the handler reads, and for rows without a body. */
function isBodyKept({ requestKind = 'json', request }: Operation): boolean {
  return requestKind === 'batch' || (requestKind === 'json' && request !== undefined)
}

/** Parsed JSON, or the bytes of a batch. */
async function bodyOf(
  operation: Operation,
  exchange: Exchange,
  bodies: Bodies,
): Promise<{ body: unknown; bodyText?: string }> {
  if (operation.requestKind === 'batch') return { body: await bodies.read(exchange, operation) }
  // Without a content type the expected one is assumed (RFC 9110, section 8.3).
  const type = exchange.request.headers['content-type'] ?? 'application/json'
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError(
      'unsupported_media_type',
      `content type "${type.slice(0, 64)}" is not supported: use application/json`,
    )
  const bodyText = utf8.decode(await bodies.read(exchange, operation))
  return { body: parseJson(bodyText), bodyText }
}

/** Converts `{name}` of the tables to Fastify's `:name`. */
function fastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}
