import { ApiError } from '@plexd/protocol'
import { CliError, type Clock, createBackoff, exitCodes, wishedWaitMs } from '@plexd/runtime'

const maxFailures = 6
const maxWishedMs = 30_000

/**
 * Asks for something that goes on in the control plane, again over a short absence of it. Throws a CliError that says that
 * `what` may go on when it stays away, or does not know it.
 */
export async function askPatiently<Answer>(
  clock: Clock,
  what: string,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const backoff = createBackoff({ minMs: 1_000, maxMs: 10_000 })
  for (let failures = 1; ; failures++) {
    try {
      return await ask()
    } catch (cause) {
      if (failures === maxFailures || !isPassing(cause))
        throw new CliError(`wait for ${what}, which may go on`, exitCodes.failed, { cause })
      await clock.sleep(wishedWaitMs(cause, maxWishedMs) ?? backoff.nextMs())
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof CliError) return error.exitCode === exitCodes.unreachable
  return error instanceof ApiError && (error.status >= 500 || error.status === 429)
}
