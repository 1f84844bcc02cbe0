import { createBackoff, withJitter } from '@plexd/runtime'
import { type AskingDeps, createAcceptance } from '../control/acceptance.ts'
import { isRefusal, LocalFailure } from '../control/client/failure.ts'
import { startTask } from '../process/task.ts'
import type { ReconcileRequests } from './requests.ts'

export interface ReconcileLoopDeps extends AskingDeps {
  /** One reconciliation; rejects if the state cannot be pulled or applied. */
  reconcile(options: { whole: boolean; signal: AbortSignal }): Promise<void>
  requests: Pick<ReconcileRequests, 'takeWhole' | 'wait'>
}

const jitter = 0.1
/** The minimum time between two runs, so that a burst of triggers costs only a few pulls. */
const minGapMs = 1_000
/** How often the state is pulled unconditionally, so that a mistake of ours does not last forever. */
const wholeEachMs = 3_600_000

/** After a failure the backoff starts here and grows to the interval: most failures are over in a moment. */
const soonMs = 1_000

/** Pulls and applies repeatedly: at start, at each interval, soon after a failure, and on request. */
export function startReconcileLoop(deps: ReconcileLoopDeps): AsyncDisposable {
  const { requests, intervalMs, vitals, problems, clock, random = Math.random } = deps
  const soon = createBackoff({ minMs: Math.min(soonMs, intervalMs), maxMs: intervalMs, random })
  const acceptance = createAcceptance(deps, { usual: soon, refusedMs: intervalMs })
  /** Whether an unconditional pull was requested but failed. */
  let owesWhole = false
  let lastWholeMs = clock.monotonic()

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = clock.monotonic()
      const waitMs = await once(signal)
      await clock.sleep(Math.max(0, minGapMs - (clock.monotonic() - startedMs)), signal)
      await requests.wait(waitMs, signal)
    }
  }

  async function once(signal: AbortSignal): Promise<number> {
    const nowMs = clock.monotonic()
    const whole = requests.takeWhole() || owesWhole || nowMs - lastWholeMs >= wholeEachMs
    owesWhole = false
    try {
      await deps.reconcile({ whole, signal })
      if (whole) lastWholeMs = nowMs
      vitals.last_reconcile_at = new Date(clock.now()).toISOString()
      problems.clear('reconcile')
      acceptance.accepted()
      return withJitter(intervalMs, jitter, random)
    } catch (error) {
      signal.throwIfAborted()
      owesWhole = whole
      return failed(error)
    }
  }

  function failed(error: unknown): number {
    const waitMs = acceptance.failed('reconciliation failed, will retry', error)
    if (isRefusal(error)) return waitMs
    // The state was pulled; failing to apply it is a problem of the applier until it succeeds.
    const isPulled = error instanceof LocalFailure
    const reason = `the desired state cannot be brought up to date: ${deps.describe(error)}`
    problems.set('reconcile', isPulled ? undefined : reason)
    return waitMs
  }

  return startTask(run)
}
