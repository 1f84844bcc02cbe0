import { ApiError } from '@plexd/protocol'

/** What all bodies that are held at a time may take together, and those of one caller. */
export interface BodyBudget {
  /** Throws an ApiError (503) when there is no room. */
  take(caller: string, bytes: number): void
  giveBack(caller: string, bytes: number): void
}

/** A limit by its name, for who meets it. */
export interface Bound {
  name: string
  bytes: number
}

/** Callers are told apart by any text; where they are not known yet they have no bound of their own. */
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
