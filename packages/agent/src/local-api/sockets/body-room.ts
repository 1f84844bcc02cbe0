import { ApiError } from '@plexd/protocol'
import type { Limits } from '../../config/limits.ts'
import type { Owner } from './connections.ts'

/**
 * Limits the memory of request bodies that are not answered yet: otherwise a client could fill it with many incomplete
 * ones.
 */
export interface BodyRoom {
  /** For one body; disposing releases its memory. */
  open(owner: Owner): BodyClaim
}

export interface BodyClaim extends Disposable {
  /** Throws an ApiError (429) at a limit. */
  take(bytes: number): void
}

/** Reserved for root. */
const rootShare = 1 / 16

export function createBodyRoom({
  local_body_bytes: all,
  local_body_bytes_per_user: each,
}: Pick<Limits, 'local_body_bytes' | 'local_body_bytes_per_user'>): BodyRoom {
  const forUsers = all - Math.ceil(all * rootShare)
  const byOwner = new Map<Owner, number>()
  let taken = 0

  function change(owner: Owner, bytes: number): void {
    taken += bytes
    const own = (byOwner.get(owner) ?? 0) + bytes
    if (own === 0) byOwner.delete(owner)
    else byOwner.set(owner, own)
  }

  function check(owner: Owner, bytes: number): void {
    const most = owner === 0 ? all : forUsers
    if (owner !== 0 && (byOwner.get(owner) ?? 0) + bytes > each)
      throw refusal(`of one user take ${each} bytes (limit local_body_bytes_per_user)`)
    if (taken + bytes > most) throw refusal(`take ${most} bytes (limit local_body_bytes)`)
  }

  return {
    open(owner) {
      let own = 0
      return {
        take(bytes) {
          check(owner, bytes)
          change(owner, bytes)
          own += bytes
        },
        [Symbol.dispose]() {
          change(owner, -own)
          own = 0
        },
      }
    },
  }
}

function refusal(what: string): ApiError {
  return new ApiError(
    'too_many_requests',
    `bodies that are under way ${what} already: finish some, or try again later`,
  )
}
