import { allowsAction, type NamedAction, type TriggeredBy } from '@plexd/protocol'
import { SessionRefusal } from './authorisation/refusal.ts'
import type { VerifyToken } from './authorisation/token.ts'
import type { Sessions } from './sessions.ts'

/** Who a program is that runs in a session, for the actions that it asks for. */
export interface SessionCaller {
  /** The patterns of what it may run. */
  readonly actions: readonly string[]
  mayRun(action: NamedAction): boolean
  readonly triggeredBy: TriggeredBy
}

/** `uid`: the user of the program that shows the token. Rejects with a SessionRefusal. */
export type AdmitSession = (token: string, uid: number | undefined) => Promise<SessionCaller>

/** A token lets a program do what its session may, only as long as that is open, and only as the user that it is for. */
export function createSessionAdmission(
  sessions: Pick<Sessions, 'find'>,
  verify: VerifyToken,
): AdmitSession {
  return async (token, uid) => {
    const { session_id } = await verify(token)
    const live = sessions.find(session_id)
    if (!live || live.closing || live.session.token !== token)
      throw new SessionRefusal(`session "${session_id}" is not open on this node`)
    const { claims, account } = live.session
    if (uid !== account.uid)
      throw new SessionRefusal(
        `session "${session_id}" is of user "${claims.login}", and this program is not: unset PLEXD_SESSION_TOKEN`,
      )
    const { actions } = claims
    return {
      actions,
      mayRun: (action) => allowsAction(actions, action),
      triggeredBy: {
        type: 'session',
        session_id,
        user_id: claims.sub,
        user_name: claims.name,
        email: claims.email,
      },
    }
  }
}
