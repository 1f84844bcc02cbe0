import {
  ApiError,
  type DaemonStatus,
  type NetworkStatus,
  type NodeSessions,
  type PeerStatus,
  type PolicyStatus,
} from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { Hooks } from '../../hooks/hooks.ts'
import type { AdmitSession, SessionCaller } from '../../sessions/admit.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import {
  isForSessions,
  mayControl,
  mayReadSecrets,
  needs,
  type SecretAccess,
  tokenOf,
} from '../requests/access.ts'
import {
  type Answer,
  type Caller,
  emptyAnswer,
  errorAnswer,
  goJson,
  type LocalRequest,
  liveAnswer,
  unlessKnown,
} from '../requests/answer.ts'
import { matchRoute, type RouteName } from '../requests/routes.ts'
import { type ActionRoutesOptions, createActionRoutes } from './actions.ts'
import { createHookReader } from './hooks.ts'
import { createMetricRoutes, type MetricRoutesOptions } from './metrics.ts'
import { createReportWriter, describeWriters, internalErrorAnswer } from './reports.ts'
import { createSecretReader, type SecretReaderOptions } from './secrets.ts'
import { createStateReader } from './state.ts'
import { createWatch } from './watch.ts'

export interface HandlerOptions
  extends Pick<SecretReaderOptions, 'fetchSecret' | 'nsk' | 'limits'>,
    Pick<ActionRoutesOptions, 'actions' | 'runAction'>,
    MetricRoutesOptions {
  sessions(): NodeSessions
  admitSession: AdmitSession
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
  secretAccess(): SecretAccess | Promise<SecretAccess>
  clock: Clock
  log: Log
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

const onlyRootRuns = errorAnswer(403, 'forbidden: only root may run actions')

/** By route, since each says what it is that the caller may not. */
const forbiddenAnswers: { readonly [Name in RouteName]?: Answer } = {
  getSecretValue: errorAnswer(403, 'forbidden: insufficient privileges for secret access'),
  stop: errorAnswer(403, 'forbidden: only root may stop the daemon'),
  listActions: onlyRootRuns,
  runAction: onlyRootRuns,
  reloadHooks: errorAnswer(403, 'forbidden: only root may announce hooks'),
}
const forbiddenAnswer = errorAnswer(403, 'forbidden')

export function createHandler(options: HandlerOptions): Handler {
  const { desired, reports, clock, log } = options
  // Starts from the clock, so that an index from an earlier run is not valid in this one.
  const firstIndex = clock.now()
  const index = (): number => firstIndex + desired.index() + reports.index()

  const inMemory = createStateReader(desired, reports)
  const secrets = createSecretReader(options)
  const watch = createWatch(index, clock)
  const stops = [desired.onChange(watch.changed), reports.onChange(watch.changed)]

  const readers: { readonly [Name in RouteName]?: (key: string) => Answer } = inMemory
  const routes: { readonly [Name in RouteName]: Route } = {
    ...inMemory,
    ...createReportWriter(reports, log),
    ...createHookReader(options.hooks),
    ...createActionRoutes(options),
    ...createMetricRoutes(options),
    getSecretValue: secrets.read,
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
    const answer = (session?: SessionCaller) => run(match.key, request, match.query, session)
    const token = isForSessions(match.name) ? tokenOf(request) : undefined
    if (token !== undefined) return inSession(request.caller, token, answer)
    return needs(match.name) ? ifAllowed(request, match.name, answer) : answer()
  }

  /** A program in a session of an operator may do what that may, whoever it runs as. */
  async function inSession(
    { via, ...caller }: Caller,
    token: string,
    run: (session: SessionCaller) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const uid = 'credentials' in caller ? caller.credentials?.uid : undefined
    let session: SessionCaller
    try {
      session = await options.admitSession(token, uid)
    } catch (error) {
      const why = describeError(error)
      log.warn('session token refused', { via, uid, error: why })
      return errorAnswer(403, `forbidden: ${why}`)
    }
    return run(session)
  }

  function answerNow(request: LocalRequest): Answer | undefined {
    const match = matchRoute(request.method, request.target)
    if ('answer' in match) return match.answer
    const run = readers[match.name]
    return run && forCaller(run(match.key), request)
  }

  async function ifAllowed(
    { caller }: LocalRequest,
    name: RouteName,
    run: () => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const access = await options.secretAccess()
    const isAllowed =
      needs(name) === 'root' ? mayControl(caller, access.ownUid) : mayReadSecrets(caller, access)
    return isAllowed ? run() : (forbiddenAnswers[name] ?? forbiddenAnswer)
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

/** `If-None-Match` is only evaluated for reads: for a write it has another meaning. */
function forCaller(answer: Answer, request: LocalRequest): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer
  return unlessKnown(answer, request.header('if-none-match'))
}

type Route = (
  key: string,
  request: LocalRequest,
  query: string,
  /** That the caller runs in, if it has shown its token. */
  session?: SessionCaller,
) => Answer | Promise<Answer>
