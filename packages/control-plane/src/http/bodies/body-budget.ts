import { ApiError } from '@plexd/protocol'

/** Limits the memory of all bodies held at a time, and of those of one caller. */
export interface BodyBudget {
  /** Throws an ApiError (503) if it is exhausted. */
  take(caller: string, bytes: number): void
  giveBack(caller: string, bytes: number): void
}

/** The name of the limit, for the error. */
export interface Bound {
  name: string
  bytes: number
}

/** A caller is any text; unauthenticated callers have only the common limit. */
export function createBodyBudget({ all, each }: { all: Bound; each?: Bound }): BodyBudget {
  const takenBy = new Map<string, number>()
  let taken = 0

  return {
    take(caller, bytes) {
      const own = (takenBy.get(caller) ?? 0) + bytes
      if (each && own > each.bytes) throw refusal(each)
      if (taken + bytes > all.bytes) throw refusal(all)
      taken += bytes
      if (each) takenBy.set(caller, own)
    },
    giveBack(caller, bytes) {
      taken -= bytes
      const left = (takenBy.get(caller) ?? 0) - bytes
      if (left > 0) takenBy.set(caller, left)
      else takenBy.delete(caller)
    },
  }
}

function refusal({ name, bytes }: Bound): ApiError {
  return new ApiError(
    'unavailable',
    `too many request bodies at a time: ${name} is ${bytes} bytes, try again`,
    { retryAfterSeconds: 1 },
  )
}
