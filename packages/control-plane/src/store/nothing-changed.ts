import { ApiError } from '@plexd/protocol'

/** A unit of work was rolled back because the database cannot be written at the moment (503). */
export class NothingChanged extends ApiError {
  /** The reason, for callers that have committed other units before. */
  readonly reason: Error

  constructor(
    reason: string,
    { cause, retryAfterSeconds }: { cause: unknown; retryAfterSeconds: number },
  ) {
    super('unavailable', `nothing was changed: ${reason}`, { cause, retryAfterSeconds })
    this.reason = new Error(reason, { cause })
  }
}

/** Why, with all causes, for those at a terminal who have not asked for a change. */
export function reasonOf(error: unknown): unknown {
  return error instanceof NothingChanged ? error.reason : error
}
