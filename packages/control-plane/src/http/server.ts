import { ApiError, type Auth, type Operation, wantKeyword } from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from 'fastify'
import type { Limits } from '../limits.ts'
import type { Bodies, Exchange } from './bodies/bodies.ts'
import { parseJson } from './bodies/parse-json.ts'
import { answerClientError } from './client-error.ts'
import { compress } from './compress.ts'
import { drain } from './drain.ts'
import { withoutBody } from './head.ts'
import { ignoreExpectations, markedResponse } from './mark-answers.ts'
import { problemOf } from './problem.ts'
import { schemasOf } from './schemas.ts'
import { takeTurns } from './turns.ts'
import { demandWebSocket, takeUpgrades, upgradesOf } from './upgrades.ts'

/** A row of a table with its handler. `run` sends nothing itself, unless it hijacks the reply. */
export interface Route<Principal> {
  name: string
  operation: Operation
  run(request: FastifyRequest, reply: FastifyReply, principal: Principal): Promise<unknown>
}

export interface ServerOptions<Principal> {
  routes: readonly Route<Principal>[]
  /** The id of this run of the control plane, sent with every answer. */
  life: string
  /** Authenticates the caller before the body is read. Throws an ApiError if the call is not allowed. */
  callerOf(operation: Operation): (request: FastifyRequest) => Principal | Promise<Principal>
  /** The body has come, which may take a minute: throws an ApiError if the call is not allowed any more. */
  checkAgain?(operation: Operation, request: FastifyRequest): void
  /** There is a caller, and the call is allowed. */
  onAuthenticated?(request: FastifyRequest): void
  /** While it returns a reason, every request is answered 503. */
  notServing(): 'starting' | 'stopping' | undefined
  onAnswer?(name: string, status: number, seconds: number): void
  /** May replace the error that the caller is about to get. */
  judge?(error: unknown, auth: Auth | undefined, request: FastifyRequest): unknown
  tls?: { cert: string; key: string }
  bodies: Bodies
  limits: Limits
  log: Log
}

const jsonType = 'application/json; charset=utf-8'

const methods: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const connections = {
  /** How often connections are checked for timeouts. */
  connectionsCheckingInterval: 5_000,
  /** Node's own refusal has no body, and no header that identifies us. */
  requireHostHeader: false,
} as const

export const minTlsVersion = 'TLSv1.2'

/** Fastify with our conventions: errors as in problem.ts, gzip bodies, exact content types, 405 with Allow. */
export function createServer<Principal>(options: ServerOptions<Principal>): FastifyInstance {
  const { routes, log } = options
  const ServerResponse = markedResponse(options.life)
  const shouldUpgradeCallback = upgradesOf(routes.map(({ operation }) => operation))
  const http = { ...connections, ServerResponse, shouldUpgradeCallback }
  const server = Fastify({
    ...(options.tls
      ? {
          https: {
            ...options.tls,
            ...http,
            minVersion: minTlsVersion,
            handshakeTimeout: options.limits.handshake_ms,
          },
        }
      : { http }),
    logger: false,
    // Longer than the heartbeat interval, so that the connection can be reused for the next heartbeat.
    keepAliveTimeout: 90_000,
    // Long enough to upload a binary over a slow line.
    requestTimeout: 300_000,
    // Requests in progress are finished; the code that closes the server limits the time.
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    // As long as Node's limit for a request line: the row's own schema reports what is too long.
    routerOptions: { maxParamLength: 16_384 },
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: false,
        // Errors include the value and the violated part of the schema.
        verbose: true,
        keywords: [wantKeyword],
      },
    },
    clientErrorHandler: (error, socket) =>
      answerClientError(options.life, error, socket, turns.answered(socket)),
    frameworkErrors: (error, _request, reply) => {
      const { status, headers, body } = problemOf(error)
      const plain = reply as FastifyReply // its type knows of no route, so of no status
      plain.code(status).headers(headers).send(body)
    },
  }) as unknown as FastifyInstance // http and https instances differ in a type parameter only

  server.server.headersTimeout = 20_000
  const turns = takeTurns(server.server)
  takeUpgrades(server.server, ServerResponse, turns)
  ignoreExpectations(server.server)

  server.setErrorHandler((error, request, reply) => {
    const { auth } = request.routeOptions.config as { auth?: Auth }
    const told = options.judge ? options.judge(error, auth, request) : error
    const { status, headers, body, internal } = problemOf(told)
    if (internal)
      log.error('request failed', {
        method: request.method,
        route: request.routeOptions.url,
        error: describeError(error),
      })
    return reply.code(status).headers(headers).send(body)
  })
  server.setNotFoundHandler((request, reply) => {
    refuseOtherMethod(server, request, reply)
    throw new ApiError('not_found', 'not found')
  })
  // The hooks of every request take callbacks: a promise for each would cost more than what they do.
  server.addHook('onRequest', ({ raw, headers }, reply, done) => {
    const phase = options.notServing()
    if (phase !== undefined) {
      reply.header('connection', 'close')
      throw new ApiError('unavailable', `the control plane is ${phase}`, { retryAfterSeconds: 1 })
    }
    if (raw.httpVersion === '1.1' && headers.host === undefined)
      throw new ApiError('bad_request', 'the request has no Host header: send it along')
    done()
  })
  server.addHook('onSend', compress)
  server.addHook('onSend', withoutBody)
  server.addHook('onResponse', (request, reply, done) => {
    const { operationName } = request.routeOptions.config as { operationName?: string }
    options.onAnswer?.(operationName ?? 'unknown', reply.statusCode, reply.elapsedTime / 1_000)
    drain(request.raw)
    done()
  })
  // Bodies are read after the gate, see bodyOf; Fastify reads none.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))

  server.decorateRequest('principal', undefined)
  server.decorateRequest('bodyText', '')
  for (const route of routes) addRoute(server, route, options)
  return server
}

function addRoute<Principal>(
  server: FastifyInstance,
  route: Route<Principal>,
  options: ServerOptions<Principal>,
): void {
  const { operation, name, run } = route
  const schemas = schemasOf(operation)
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
    handler: async (request, reply) => {
      schemas.validate(request)
      if (operation.responseKind === 'websocket') demandWebSocket(request, reply)
      if (request.method === 'HEAD' && operation.responseKind === 'event-stream')
        return reply.type('text/event-stream').send('')
      // Answers may contain keys, tokens and secrets, so caches must not store them (RFC 9111, section 5.2.2.5).
      if (operation.auth !== 'none') reply.header('cache-control', 'no-store')
      const answer = await run(request, reply, request.principal as Principal) // set in onRequest
      // Its answer never ends, so nobody else counts it.
      if (reply.sent && operation.responseKind === 'websocket')
        options.onAnswer?.(name, operation.status, reply.elapsedTime / 1_000)
      if (reply.sent) return reply
      if (reply.statusCode === 200) reply.code(operation.status)
      if (operation.responseKind === 'json-text' && answer !== undefined) reply.type(jsonType)
      return schemas.serialize(answer, reply)
    },
  })
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

/** Throws an ApiError (405) if the path exists, with the methods that it has. */
function refuseOtherMethod(
  server: FastifyInstance,
  { method, url }: FastifyRequest,
  reply: FastifyReply,
): void {
  if (!methods.some((known) => known === method)) return
  const allow = methods.filter((other) => server.findRoute({ method: other, url }))
  if (allow.length === 0) return
  reply.header('allow', allow.join(', '))
  throw new ApiError('method_not_allowed', `method ${method} is not allowed here`)
}
