import type { Log } from '@plexd/runtime'
import { bearerOf, type IdentityStore, withKeys } from '../../identity/identity.ts'

/** This node's credentials. */
export interface Credentials {
  bearer(): string
  /** Its credentials before the last rotations, newest first, for a control plane restored from a backup. */
  before?(): readonly string[]
  /** The control plane only accepts these older credentials: they are in force when this resolves. */
  goBack?(change: { refused: string; accepted: string }): Promise<void>
}

export function createCredentials(
  identity: IdentityStore,
  { onBack, log }: { onBack(privateKey: string): Promise<void>; log: Log },
): Credentials {
  return {
    bearer: () => bearerOf(identity.current()),
    before: () => (identity.current().former ?? []).map(bearerOf),
    async goBack({ refused, accepted }) {
      let isBack = false
      await identity.update((now) => {
        const keys = now.former?.find((each) => bearerOf(each) === accepted)
        isBack = bearerOf(now) === refused && keys !== undefined
        return isBack && keys ? withKeys(now, keys) : now
      })
      // A concurrent call was first.
      if (!isBack) return
      const { node_id, private_key } = identity.current()
      log.warn('the control plane was restored from a backup: going back to the key of that time', {
        node_id,
      })
      await onBack(private_key)
    },
  }
}

export interface Question<Answer> {
  ask(bearer: string): Promise<Answer>
  isRefused(answer: Answer): boolean
  /** It is not tried any more. */
  drop?(answer: Answer): void
}

/**
 * Calls; if refused, retries once with the token that has replaced it meanwhile, otherwise with the earlier
 * tokens, one after another.
 */
export async function askAs<Answer>(
  credentials: Credentials,
  { ask, isRefused, drop }: Question<Answer>,
): Promise<Answer> {
  const bearer = credentials.bearer()
  let answer = await ask(bearer)
  if (!isRefused(answer)) return answer
  const now = credentials.bearer()
  const others = now === bearer ? (credentials.before?.() ?? []) : [now]
  for (const other of others) {
    drop?.(answer)
    answer = await ask(other)
    if (isRefused(answer)) continue
    if (now === bearer) await credentials.goBack?.({ refused: bearer, accepted: other })
    return answer
  }
  return answer
}
