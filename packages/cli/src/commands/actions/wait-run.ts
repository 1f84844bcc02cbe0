import { formatDuration, hasRunEnded, type Run } from '@plexd/protocol'
import type { Admin } from '../../command.ts'
import type { Io } from '../../terminal/io.ts'
import { startProgress } from '../../terminal/output.ts'
import { askPatiently } from './ask-patiently.ts'
import { progressOf } from './run-output.ts'

/** Runs of fast actions are over soon, and those of slow ones are not asked for more than once a second. */
const minPauseMs = 100
const maxPauseMs = 1_000

/** Waits until a run has ended, which a paused one does at its expiry at the latest. */
export async function waitForRun(
  admin: Admin,
  started: Run,
  { clock, stderr }: Pick<Io, 'clock' | 'stderr'>,
): Promise<Run> {
  using progress = startProgress(stderr)
  const startMs = clock.monotonic()
  const ask = () => admin.getRun({ params: { run_id: started.id } })
  let run = started
  for (let pauseMs = minPauseMs; !hasRunEnded(run); pauseMs = Math.min(maxPauseMs, 2 * pauseMs)) {
    const elapsed = formatDuration(Math.round((clock.monotonic() - startMs) / 1_000) * 1_000)
    progress.update(`${run.action}: ${progressOf(run)}, ${elapsed} (${run.id})`)
    await clock.sleep(pauseMs)
    run = (await askPatiently(clock, `run "${run.id}"`, ask)).body
  }
  return run
}
