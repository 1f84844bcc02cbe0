import {
  ApiError,
  type DaemonStatus,
  type NetworkStatus,
  type NodeSessions,
  type PeerStatus,
  type PolicyStatus,
} from '@plexd/protocol'
import { type Clock, describeError } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { Hooks } from '../../hooks/hooks.ts'
import type { SessionCaller } from '../../sessions/admit.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import {
  type Answer,
  emptyAnswer,
  errorAnswer,
  goJson,
  type LocalRequest,
  liveAnswer,
  unlessKnown,
} from '../requests/answer.ts'
import { matchRoute, type RouteName } from '../requests/routes.ts'
import { type ActionRoutesOptions, createActionRoutes } from './actions.ts'
import { type AdmissionOptions, createAdmission } from './admission.ts'
import { createHookReader } from './hooks.ts'
import { createMetricRoutes, type MetricRoutesOptions } from './metrics.ts'
import { createReportWriter, describeWriters, internalErrorAnswer } from './reports.ts'
import { createSecretReader, type SecretReaderOptions } from './secrets.ts'
import { createStateReader } from './state.ts'
import { createWatch, type Watch } from './watch.ts'

export interface HandlerOptions
  extends Pick<SecretReaderOptions, 'fetchSecret' | 'nsk' | 'limits'>,
    Pick<ActionRoutesOptions, 'actions' | 'runAction'>,
    MetricRoutesOptions,
    AdmissionOptions {
  sessions(): NodeSessions
  desired: DesiredStore
  reports: ReportStore
  status(): Static<typeof DaemonStatus>
  peers(): Promise<PeerStatus[]>
  policies(): Promise<PolicyStatus>
  /** Rejects with an ApiError if no public endpoint is being discovered. */
  network(): Promise<NetworkStatus>
  hooks: Pick<Hooks, 'list' | 'reload'>
  /** Stops the daemon, shortly after. */
  stop(): void
  clock: Clock
}

/** The whole local API as functions of the request; transports are elsewhere. */
export interface Handler extends Disposable {
  /** Returns answers from memory synchronously, others as a promise. Neither throws nor rejects. */
  handle(request: LocalRequest): Answer | Promise<Answer>
  /** The answer to a GET if it is in memory; otherwise undefined, without side effects. */
  answerNow(request: LocalRequest): Answer | undefined
  /** Changes with every change of state or reports; sent with every state answer. */
  index(): number
}

/** An error intended as an answer to the caller; any other is a bug. */
function refused(error: unknown): Answer {
  if (error instanceof ApiError) return errorAnswer(error.status, error.message)
  throw error
}

export function createHandler(options: HandlerOptions): Handler {
  const { desired, reports, clock, log } = options
  // Starts from the clock, so that an index from an earlier run is not valid in this one.
  const firstIndex = clock.now()
  const index = (): number => firstIndex + desired.index() + reports.index()

  const inMemory = createStateReader(desired, reports)
  const readers: { readonly [Name in RouteName]?: (key: string) => Answer } = inMemory
  const watch = createWatch(index, clock)
  const stops = [desired.onChange(watch.changed), reports.onChange(watch.changed)]
  const routes: Routes = { ...inMemory, ...routesOf(options, watch) }
  const admit = createAdmission(options)

  function handle(request: LocalRequest): Answer | Promise<Answer> {
    try {
      const answer = route(request)
      if (!(answer instanceof Promise)) return forCaller(answer, request)
      return answer.then(
        (late) => forCaller(late, request),
        (error: unknown) => failed(error, request),
      )
    } catch (error) {
      return failed(error, request)
    }
  }

  function route(request: LocalRequest): Answer | Promise<Answer> {
    const match = matchRoute(request.method, request.target)
    if ('answer' in match) return match.answer
    const run = routes[match.name]
    return admit(request, match.name, (session) => run(match.key, request, match.query, session))
  }

  function answerNow(request: LocalRequest): Answer | undefined {
    const match = matchRoute(request.method, request.target)
    if ('answer' in match) return match.answer
    const run = readers[match.name]
    return run && forCaller(run(match.key), request)
  }

  function failed(error: unknown, { method }: LocalRequest): Answer {
    log.error('local request failed', { method, error: describeError(error) })
    return internalErrorAnswer
  }

  return {
    handle,
    answerNow,
    index,
    [Symbol.dispose]() {
      for (const stop of stops) stop()
      watch.close()
    },
  }
}

/** All but those that are answered from memory. */
function routesOf(
  options: HandlerOptions,
  watch: Watch,
): Omit<Routes, keyof ReturnType<typeof createStateReader>> {
  const { reports, log } = options
  return {
    ...createReportWriter(reports, log),
    ...createHookReader(options.hooks),
    ...createActionRoutes(options),
    ...createMetricRoutes(options),
    getSecretValue: createSecretReader(options).read,
    listWriters: async () => liveAnswer(goJson(describeWriters(reports))),
    watch: (_key, request, query) => watch.wait(query, request),
    listPeers: () => options.peers().then((peers) => liveAnswer(goJson(peers)), refused),
    listPolicies: async () => liveAnswer(goJson(await options.policies())),
    checkNetwork: () => options.network().then((status) => liveAnswer(goJson(status)), refused),
    listSessions: () => liveAnswer(goJson(options.sessions())),
    getStatus: () => liveAnswer(goJson(options.status())),
    stop() {
      options.stop()
      return { ...emptyAnswer, headers: { Connection: 'close' } }
    },
  }
}

/** `If-None-Match` is only evaluated for reads: for a write it has another meaning. */
function forCaller(answer: Answer, request: LocalRequest): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer
  return unlessKnown(answer, request.header('if-none-match'))
}

type Routes = { readonly [Name in RouteName]: Route }

type Route = (
  key: string,
  request: LocalRequest,
  query: string,
  /** That the caller runs in, if it has shown its token. */
  session?: SessionCaller,
) => Answer | Promise<Answer>
