import { ApiError } from '@plexd/protocol'
import { CliError, type Clock, createBackoff, type Log, wishedWaitMs } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { describeFailure, failureOf, isTrustFailure } from '../control/client/failure.ts'

export interface Patience {
  config: AgentConfig
  /** Never if left out. */
  giveUpAfterMs?: number
  /** Called with the reason before each retry. */
  onRetry?: (reason: string) => void
  clock: Clock
  log: Log
  signal?: AbortSignal
}

interface Asking extends Patience {
  /** For the log. */
  what: string
  /** Of what is not worth a retry. */
  explain: (error: unknown) => Error
}

/** Repeats what asks the control plane while that fails for a while only: it is away, or busy. */
export async function untilAnswered<T>(
  attempt: () => Promise<T>,
  { what, explain, ...patience }: Asking,
): Promise<T> {
  const { config, clock, log, signal, giveUpAfterMs } = patience
  const startedMs = clock.monotonic()
  const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 })
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isWorthRetrying(error)) throw explain(error)
      const backoffMs = backoff.nextMs()
      const delayMs = wishedWaitMs(error) ?? backoffMs
      if (giveUpAfterMs !== undefined && clock.monotonic() + delayMs - startedMs > giveUpAfterMs)
        throw failureOf(error, config)
      const reason = describeFailure(error, config)
      patience.onRetry?.(reason)
      log.warn(`${what} failed, will retry`, { error: reason, retry_in_ms: Math.round(delayMs) })
      await clock.sleep(delayMs, signal)
    }
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (error instanceof CliError || isTrustFailure(error)) return false
  if (!(error instanceof ApiError)) return true
  return error.status >= 500 || error.status === 408 || error.status === 429
}
