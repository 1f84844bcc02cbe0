import { ApiError } from '@plexd/protocol'

/** A unit of work of which nothing is left, because the database takes nothing at the moment (503). */
export class NothingChanged extends ApiError {
  /** Why, for whoever has done more than this unit. */
  readonly reason: Error

  constructor(
    reason: string,
    { cause, retryAfterSeconds }: { cause: unknown; retryAfterSeconds: number },
  ) {
    super('unavailable', `nothing was changed: ${reason}`, { cause, retryAfterSeconds })
    this.reason = new Error(reason, { cause })
  }
}
