import { describeError, type Log } from '@plexd/runtime'
import type { AdmitSession, SessionCaller } from '../../sessions/admit.ts'
import {
  isForSessions,
  mayControl,
  mayReadSecrets,
  needs,
  type SecretAccess,
  tokenOf,
} from '../requests/access.ts'
import { type Answer, type Caller, errorAnswer, type LocalRequest } from '../requests/answer.ts'
import type { RouteName } from '../requests/routes.ts'

type Run = (session?: SessionCaller) => Answer | Promise<Answer>

/** The answer that `run` gives, if the caller may have it. */
export type Admit = (request: LocalRequest, name: RouteName, run: Run) => Answer | Promise<Answer>

export interface AdmissionOptions {
  admitSession: AdmitSession
  secretAccess(): SecretAccess | Promise<SecretAccess>
  log: Log
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

export function createAdmission({ admitSession, secretAccess, log }: AdmissionOptions): Admit {
  /** A program in a session of an operator may do what that may, whoever it runs as. */
  async function inSession({ via, ...caller }: Caller, token: string, run: Run): Promise<Answer> {
    const uid = 'credentials' in caller ? caller.credentials?.uid : undefined
    let session: SessionCaller
    try {
      session = await admitSession(token, uid)
    } catch (error) {
      const why = describeError(error)
      log.warn('session token refused', { via, uid, error: why })
      return errorAnswer(403, `forbidden: ${why}`)
    }
    return run(session)
  }

  async function ifAllowed({ caller }: LocalRequest, name: RouteName, run: Run): Promise<Answer> {
    const access = await secretAccess()
    const isAllowed =
      needs(name) === 'root' ? mayControl(caller, access.ownUid) : mayReadSecrets(caller, access)
    return isAllowed ? run() : (forbiddenAnswers[name] ?? forbiddenAnswer)
  }

  return (request, name, run) => {
    const token = isForSessions(name) ? tokenOf(request) : undefined
    if (token !== undefined) return inSession(request.caller, token, run)
    return needs(name) ? ifAllowed(request, name, run) : run()
  }
}
