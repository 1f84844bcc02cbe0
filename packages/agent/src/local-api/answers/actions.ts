import {
  ApiError,
  formatDuration,
  type LocalAction,
  type LocalResult,
  LocalRun,
  localApi,
  newId,
  parseDuration,
  validatorOf,
} from '@plexd/protocol'
import { describeError, type Log } from '@plexd/runtime'
import type { ActionCatalog } from '../../actions/catalog.ts'
import { type Action, ActionRefusal } from '../../actions/define.ts'
import type { ActionExecutor } from '../../actions/executor.ts'
import type { SessionCaller } from '../../sessions/admit.ts'
import {
  type Answer,
  type Caller,
  errorAnswer,
  goJson,
  type LocalRequest,
  liveAnswer,
} from '../requests/answer.ts'
import { readBody } from '../requests/read-body.ts'
import { nameUser, readUsers } from '../requests/users.ts'

export interface ActionRoutesOptions {
  actions: Pick<ActionCatalog, 'all' | 'find'>
  /** Rejects with an ApiError while nothing can be run yet. */
  runAction: ActionExecutor['runLocal']
  log: Log
}

/** The routes of actions, for callers who may run them: root, and programs in a session, which may run what that may. Who asked for what is in the log, without parameters. */
export function createActionRoutes({ actions, runAction, log }: ActionRoutesOptions) {
  async function run(
    request: LocalRequest,
    session: SessionCaller | undefined,
  ): Promise<LocalResult> {
    const asked = readRun(await request.body())
    const user = await userOf(request.caller)
    const execution_id = newId('local_execution')
    const session_id = session?.triggeredBy.session_id
    const about = { execution_id, action: asked.action, user, ...(session_id && { session_id }) }
    log.info('action asked for on this node', about)
    try {
      if (session) refuseUnless(session, asked.action)
      const triggered_by = session?.triggeredBy ?? { type: 'direct_access', user_id: user }
      const result = await runAction({ ...asked, execution_id, triggered_by }, request.signal)
      return { ...result, action: asked.action }
    } catch (error) {
      log.warn('action rejected', { ...about, reason: describeError(error) })
      if (error instanceof RangeError) throw new ApiError('bad_request', error.message)
      throw error instanceof ActionRefusal ? refusalOf(error, asked.action) : error
    }
  }

  /** A name that no action has is judged as that of a built-in one. */
  function refuseUnless(session: SessionCaller, name: string): void {
    if (session.mayRun(actions.find(name) ?? { type: 'builtin', name })) return
    const allowed = session.actions.map((pattern) => `"${pattern}"`).join(', ') || 'none'
    throw new ApiError(
      'forbidden',
      `forbidden: this session may not run "${name}": it may run ${allowed}`,
    )
  }

  return {
    listActions: (
      _key: string,
      _request: LocalRequest,
      _query: string,
      session?: SessionCaller,
    ): Answer => {
      const visible = actions.all().filter((action) => session?.mayRun(action) ?? true)
      return liveAnswer(goJson(visible.map(describeAction)))
    },
    runAction: async (
      _key: string,
      request: LocalRequest,
      _query: string,
      session?: SessionCaller,
    ): Promise<Answer> => {
      try {
        return liveAnswer(goJson(await run(request, session)))
      } catch (error) {
        if (error instanceof ApiError) return errorAnswer(error.status, error.message)
        throw error
      }
    },
  }
}

function describeAction({ type, name, description, parameters, timeoutMs }: Action): LocalAction {
  return {
    type,
    name,
    description,
    parameters: [...parameters],
    timeout: formatDuration(timeoutMs),
  }
}

const localRun = validatorOf(LocalRun)

/** Throws an ApiError that says what is wrong with it. */
function readRun(body: Buffer | undefined): LocalRun {
  const value = readBody(localApi.runAction, localRun(), body)
  checkTimeout(value.timeout)
  return value
}

/** The executor would take its own instead of an invalid one. */
function checkTimeout(timeout: string | undefined): void {
  if (timeout === undefined) return
  try {
    if (parseDuration(timeout) > 0) return
  } catch {
    // told below
  }
  throw new ApiError(
    'bad_request',
    `timeout "${timeout}": want a duration above zero, such as "30s"`,
  )
}

/** A name where there is one: ids mean little to who reads a log. */
async function userOf(caller: Caller): Promise<string> {
  const uid = caller.via === 'unix' ? caller.credentials?.uid : undefined
  return uid === undefined ? '' : nameUser(String(uid), await readUsers())
}

/** The reasons of the wire contract, in words for who is on the node. */
function refusalOf({ message }: ActionRefusal, action: string): ApiError {
  const [reason = ''] = message.split(':')
  if (reason === 'unknown_action')
    return new ApiError('not_found', `no action "${action}" on this node`)
  if (reason === 'invalid_parameters')
    return new ApiError('bad_request', message.slice(reason.length + 2))
  if (reason === 'max_concurrent_reached')
    return new ApiError(
      'too_many_requests',
      'as many local actions run as "actions.max_concurrent" allows',
    )
  if (reason === 'shutting_down') return new ApiError('unavailable', 'plexd is stopping')
  if (reason === 'actions_disabled')
    return new ApiError('conflict', 'actions are switched off by "actions.enabled: false"')
  return new ApiError('conflict', message)
}
