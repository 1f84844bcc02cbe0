import { ApiError } from '@plexd/protocol'

export interface BackoffOptions {
  minMs: number
  maxMs: number
  /** The jitter: the share by which the delay varies in each direction. Default 0.25. */
  jitter?: number
  random?: () => number
}

/** Delays that double from `minMs` to `maxMs`; `reset` after a success. */
export interface Backoff {
  nextMs(): number
  reset(): void
}

export function createBackoff({
  minMs,
  maxMs,
  jitter = 0.25,
  random = Math.random,
}: BackoffOptions): Backoff {
  let currentMs = minMs
  return {
    nextMs() {
      const delayMs = withJitter(currentMs, jitter, random)
      currentMs = Math.min(maxMs, currentMs * 2)
      return delayMs
    },
    reset() {
      currentMs = minMs
    },
  }
}

/** `ms` with a jitter of `share` in either direction, so that a fleet does not act in lockstep. */
export function withJitter(ms: number, share = 0.25, random: () => number = Math.random): number {
  return ms * (1 - share + 2 * share * random())
}

/** How long the other side asks us to wait (`Retry-After`), at most `maxMs`; undefined if it does not. */
export function wishedWaitMs(error: unknown, maxMs = 10 * 60_000): number | undefined {
  if (!(error instanceof ApiError) || error.retryAfterSeconds === undefined) return undefined
  return Math.min(error.retryAfterSeconds * 1_000, maxMs)
}
