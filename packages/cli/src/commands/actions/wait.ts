import {
  type AdminApi,
  type Client,
  type Execution,
  formatDuration,
  hasEnded,
} from '@plexd/protocol'
import type { Io } from '../../terminal/io.ts'
import { startProgress } from '../../terminal/output.ts'
import { askPatiently } from './ask-patiently.ts'

/** How long a single call blocks; well below the timeout of a call. Somebody who looks on sees what has changed. */
const pollMs = { terminal: 1_000, other: 5_000 }
const minPauseMs = 500

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
  const wait = formatDuration(stderr.isTTY ? pollMs.terminal : pollMs.other)
  const ask = () => admin.getExecution({ params: { execution_id: started.id }, query: { wait } })
  let execution = started
  let sinceMs = clock.monotonic()
  while (!hasEnded(execution.status)) {
    const seen = formatDuration(Math.round((clock.monotonic() - sinceMs) / 1_000) * 1_000)
    progress.update(`${execution.action}: ${stageOf(execution, seen)} (${execution.id})`)
    const askedMs = clock.monotonic()
    const { body } = await askPatiently(clock, `execution "${started.id}"`, ask)
    if (body.status !== execution.status) sinceMs = clock.monotonic()
    execution = body
    // Avoids a hot loop with a control plane that does not block.
    if (!hasEnded(execution.status) && clock.monotonic() - askedMs < minPauseMs)
      await clock.sleep(minPauseMs)
  }
  return execution
}

/** With how long it has been seen so: clocks of two machines differ. */
function stageOf({ status, ahead = 0, cancel_requested_at }: Execution, seen: string): string {
  if (status === 'queued') return `queued behind ${ahead}, ${seen}`
  if (status === 'pending') return `sent, ${seen}`
  return `${cancel_requested_at === null ? 'running' : 'cancelling'} ${seen}`
}
