import { ApiError } from '@plexd/protocol'
import type { Follower } from '../log/log.ts'
import type { Fleet, OperatorRecord } from '../mesh/fleet.ts'

/** Ends whatever an operator has open as soon as the token is revoked. */
export interface OperatorEnds {
  /** Aborts when the token is revoked; the reason is the error for the operator (401). */
  signalOf(operator: OperatorRecord): AbortSignal
  follow: Follower
}

export function createOperatorEnds(fleet: Fleet): OperatorEnds {
  const controllers = new Map<string, AbortController>()
  const reason = (): ApiError => new ApiError('unauthorized', 'unauthorized')
  return {
    signalOf({ id, token_hash }) {
      // It may have been revoked since the request was authenticated.
      if (!fleet.operatorByTokenHash(token_hash)) return AbortSignal.abort(reason())
      const controller = controllers.get(id) ?? new AbortController()
      controllers.set(id, controller)
      return controller.signal
    },
    follow({ changes }) {
      for (const change of changes) {
        if (change.type !== 'operator_removed') continue
        controllers.get(change.id)?.abort(reason())
        controllers.delete(change.id)
      }
    },
  }
}
