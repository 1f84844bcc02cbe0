import type { Log } from '@plexd/runtime'
import { bearerOf, type Identity, type IdentityStore } from '../identity.ts'

/** What this node proves with who it is. */
export interface Credentials {
  bearer(): string
  /** What it proved that with before its last rotation, for a control plane that was restored from an older backup. */
  before?(): string | undefined
  /** The control plane knows the node by those of before alone: they are in force when it resolves. */
  goBack?(refused: string): Promise<void>
}

export function createCredentials(
  identity: IdentityStore,
  { onBack, log }: { onBack(privateKey: string): Promise<void>; log: Log },
): Credentials {
  return {
    bearer: () => bearerOf(identity.current()),
    before() {
      const { previous } = identity.current()
      return previous && bearerOf(previous)
    },
    async goBack(refused) {
      let isBack = false
      await identity.update((now) => {
        isBack = bearerOf(now) === refused && now.previous !== undefined
        return isBack ? exchanged(now) : now
      })
      // Another call was first.
      if (!isBack) return
      const { node_id, private_key } = identity.current()
      log.warn('the control plane was restored from a backup: going back to the key of that time', {
        node_id,
      })
      await onBack(private_key)
    },
  }
}

/** Nothing is thrown away: the backup may be taken back too. */
function exchanged({ previous, ...now }: Identity): Identity {
  const { private_key, node_secret_key, node_token, ...rest } = now
  return {
    ...rest,
    ...(previous ?? { private_key, node_secret_key }),
    previous: { private_key, node_secret_key, ...(node_token === undefined ? {} : { node_token }) },
  }
}

export interface Question<Answer> {
  ask(bearer: string): Promise<Answer>
  isRefused(answer: Answer): boolean
  /** It is not looked at any more. */
  drop?(answer: Answer): void
}

/**
 * Asks; and, when that is refused, once more: with what has taken the place of the token meanwhile, or else with the one
 * before.
 */
export async function askAs<Answer>(
  credentials: Credentials,
  { ask, isRefused, drop }: Question<Answer>,
): Promise<Answer> {
  const bearer = credentials.bearer()
  const answer = await ask(bearer)
  if (!isRefused(answer)) return answer
  const now = credentials.bearer()
  const other = now === bearer ? credentials.before?.() : now
  if (other === undefined) return answer
  drop?.(answer)
  const again = await ask(other)
  if (now === bearer && !isRefused(again)) await credentials.goBack?.(bearer)
  return again
}
