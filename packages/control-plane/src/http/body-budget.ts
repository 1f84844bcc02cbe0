import { ApiError } from '@plexd/protocol'

/** What all bodies that are held at a time may take together. */
export interface BodyBudget {
  /** Throws an ApiError (503) when there is no room. */
  take(bytes: number): void
  giveBack(bytes: number): void
}

/** `name` is that of the limit, for who meets it. */
export function createBodyBudget(name: string, maxBytes: number): BodyBudget {
  let taken = 0
  return {
    take(bytes) {
      if (taken + bytes > maxBytes)
        throw new ApiError(
          'unavailable',
          `too many request bodies at a time: ${name} is ${maxBytes} bytes, try again`,
          { retryAfterSeconds: 1 },
        )
      taken += bytes
    },
    giveBack(bytes) {
      taken -= bytes
    },
  }
}
