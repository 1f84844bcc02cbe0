import { ApiError } from '@plexd/protocol'

export interface BackoffOptions {
  minMs: number
  maxMs: number
  /** Share of the delay that varies in each direction; 0.25 when left out. */
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

/** `ms` moved by up to `share` of it in either direction, so that a fleet does not act in step. */
export function withJitter(ms: number, share = 0.25, random: () => number = Math.random): number {
  return ms * (1 - share + 2 * share * random())
}

/** How long the other side asks us to wait (`Retry-After`), `maxMs` at most; undefined when it asks nothing. */
export function wishedWaitMs(error: unknown, maxMs = 10 * 60_000): number | undefined {
  if (!(error instanceof ApiError) || error.retryAfterSeconds === undefined) return undefined
  return Math.min(error.retryAfterSeconds * 1_000, maxMs)
}
