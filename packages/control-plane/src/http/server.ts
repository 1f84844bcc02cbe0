import { ApiError, type Auth, wantKeyword } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from 'fastify'
import type { Limits } from '../limits.ts'
import { compress } from './compress.ts'
import { drain } from './drain.ts'
import type { Failure } from './failures.ts'
import { withoutBody } from './head.ts'
import { ignoreExpectations, markedResponse } from './mark-answers.ts'
import { problemOf } from './problem.ts'
import { addRoute, type Route, type RouteConfig, type RouteOptions } from './route.ts'
import { answerClientError } from './turns/client-error.ts'
import { takeTurns } from './turns/turns.ts'
import { takeUpgrades, upgradesOf } from './turns/upgrades.ts'

export interface ServerOptions<Principal> extends RouteOptions<Principal> {
  routes: readonly Route<Principal>[]
  /** The id of this run of the control plane, sent with every answer. */
  life: string
  /** A request for which it returns a reason is answered 503. */
  notServing(request: FastifyRequest): string | undefined
  /** Whether the connection of this request is to be closed after its answer. */
  isEnding?(request: FastifyRequest): boolean
  /** May replace the error that the caller is about to get. */
  judge?(error: unknown, auth: Auth | undefined, request: FastifyRequest): unknown
  /** Without a certificate nobody gets in until there is one. */
  tls?: { cert?: string; key?: string }
  limits: Limits
  /** A request failed by no fault of its caller. */
  onFailure(failure: Failure): void
}

const methods: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const connections = {
  /** How often connections are checked for timeouts. */
  connectionsCheckingInterval: 5_000,
  /** Node's own refusal has no body, and no header that identifies us. */
  requireHostHeader: false,
} as const

export const minTlsVersion = 'TLSv1.2'

const settings = {
  logger: false,
  // Longer than the heartbeat interval, so that the connection can be reused for the next heartbeat.
  keepAliveTimeout: 90_000,
  // Long enough to upload a binary over a slow line.
  requestTimeout: 300_000,
  // Requests in progress are finished; the code that closes the server limits the time.
  forceCloseConnections: 'idle' as const,
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
}

/** Fastify with our conventions: errors as in problem.ts, gzip bodies, exact content types, 405 with Allow. */
export function createServer<Principal>(options: ServerOptions<Principal>): FastifyInstance {
  const { routes, life } = options
  const ServerResponse = markedResponse(life)
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
    ...settings,
    clientErrorHandler: (error, socket) =>
      answerClientError(life, error, socket, turns.answered(socket)),
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
  answerErrors(server, options)
  addHooks(server, options)
  // Bodies are read after the gate, see route.ts; Fastify reads none.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _payload, done) => done(null))
  server.decorateRequest('principal', undefined)
  server.decorateRequest('bodyText', '')
  for (const route of routes) addRoute(server, route, options)
  return server
}

function answerErrors<Principal>(
  server: FastifyInstance,
  { judge, onFailure }: ServerOptions<Principal>,
): void {
  server.setErrorHandler((error, request, reply) => {
    const { config, url } = request.routeOptions
    const { auth } = config as RouteConfig
    const { status, headers, body, internal } = problemOf(
      judge ? judge(error, auth, request) : error,
    )
    if (internal) onFailure({ method: request.method, route: url, error: describeError(error) })
    return reply.code(status).headers(headers).send(body)
  })
  server.setNotFoundHandler((request, reply) => {
    refuseOtherMethod(server, request, reply)
    throw new ApiError('not_found', 'not found')
  })
}

/** The hooks of every request take callbacks: a promise for each would cost more than what they do. */
function addHooks<Principal>(
  server: FastifyInstance,
  { notServing, isEnding, onAnswer }: ServerOptions<Principal>,
): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { raw, headers } = request
    const reason = notServing(request)
    if (reason !== undefined || isEnding?.(request)) reply.header('connection', 'close')
    if (reason !== undefined) throw new ApiError('unavailable', reason, { retryAfterSeconds: 1 })
    if (raw.httpVersion === '1.1' && headers.host === undefined)
      throw new ApiError('bad_request', 'the request has no Host header: send it along')
    done()
  })
  server.addHook('onSend', compress)
  server.addHook('onSend', withoutBody)
  server.addHook('onResponse', (request, reply, done) => {
    const { operationName = 'unknown' } = request.routeOptions.config as RouteConfig
    onAnswer?.(operationName, reply.statusCode, reply.elapsedTime / 1_000)
    drain(request.raw)
    done()
  })
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
