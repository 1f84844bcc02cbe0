import {
  type AdminApi,
  ApiError,
  type Client,
  type Execution,
  formatDuration,
  hasEnded,
} from '@plexd/protocol'
import { CliError, createBackoff, exitCodes, wishedWaitMs } from '@plexd/runtime'
import type { Io } from '../../terminal/io.ts'
import { startProgress } from '../../terminal/output.ts'

/** How long a single call blocks; well below the timeout of a call. Somebody who looks on sees what has changed. */
const pollMs = { terminal: 1_000, other: 5_000 }
const minPauseMs = 500
const maxFailures = 6
const maxWishedMs = 30_000

/**
 * Waits until an execution has ended; without a result the control plane ends it as `expired`. If the control plane
 * is unreachable for a while, the call is retried, because the execution continues.
 */
export async function waitForExecution(
  admin: Client<AdminApi>,
  started: Execution,
  { clock, stderr }: Pick<Io, 'clock' | 'stderr'>,
): Promise<Execution> {
  using progress = startProgress(stderr)
  const backoff = createBackoff({ minMs: 1_000, maxMs: 10_000 })
  let execution = started
  let sinceMs = clock.monotonic()
  let failures = 0
  while (!hasEnded(execution.status)) {
    const seen = formatDuration(Math.round((clock.monotonic() - sinceMs) / 1_000) * 1_000)
    progress.update(`${execution.action}: ${stageOf(execution, seen)} (${execution.id})`)
    const askedMs = clock.monotonic()
    try {
      const answer = await admin.getExecution({
        params: { execution_id: started.id },
        query: { wait: formatDuration(stderr.isTTY ? pollMs.terminal : pollMs.other) },
      })
      if (answer.body.status !== execution.status) sinceMs = clock.monotonic()
      execution = answer.body
      failures = 0
      backoff.reset()
      // Avoids a hot loop with a control plane that does not block.
      if (!hasEnded(execution.status) && clock.monotonic() - askedMs < minPauseMs)
        await clock.sleep(minPauseMs)
    } catch (error) {
      failures++
      if (failures === maxFailures || !isPassing(error)) throw stillRunning(started, error)
      await clock.sleep(wishedWaitMs(error, maxWishedMs) ?? backoff.nextMs())
    }
  }
  return execution
}

/** With how long it has been seen so: clocks of two machines differ. */
function stageOf({ status, ahead = 0, cancel_requested_at }: Execution, seen: string): string {
  if (status === 'queued') return `queued behind ${ahead}, ${seen}`
  if (status === 'pending') return `sent, ${seen}`
  return `${cancel_requested_at === null ? 'running' : 'cancelling'} ${seen}`
}

function isPassing(error: unknown): boolean {
  if (error instanceof CliError) return error.exitCode === exitCodes.unreachable
  return error instanceof ApiError && (error.status >= 500 || error.status === 429)
}

function stillRunning({ id }: Execution, cause: unknown): CliError {
  return new CliError(`wait for execution "${id}", which may go on`, exitCodes.failed, { cause })
}
