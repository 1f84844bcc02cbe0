import { createBackoff, wishedWaitMs, withJitter } from '@plexd/runtime'
import { LocalFailure } from '../control/failure.ts'
import { type AskingDeps, createStanding } from '../control/standing.ts'
import { startTask } from '../process/task.ts'
import type { ReconcileRequests } from './requests.ts'

export interface ReconcileLoopDeps extends AskingDeps {
  /** One reconciliation; rejects when the state cannot be pulled or brought into force. */
  reconcile(options: { whole: boolean; signal: AbortSignal }): Promise<void>
  requests: Pick<ReconcileRequests, 'takeWhole' | 'wait'>
}

const jitter = 0.1
/** Between two runs, so that a burst of triggers costs a few pulls and not one each. */
const minGapMs = 1_000
/** Once in this time the state is pulled whole, whatever we believe to have: a mistake of ours must not last for ever. */
const wholeEachMs = 3_600_000

/** After a failure the pauses grow from here to the interval: what kept an answer back is mostly over in a moment. */
const soonMs = 1_000

/** Pulls and applies, over and over: at start, each interval, soon after a failure, and when asked to. */
export function startReconcileLoop(deps: ReconcileLoopDeps): AsyncDisposable {
  const { requests, intervalMs, vitals, problems, clock, random = Math.random } = deps
  const standing = createStanding(deps, intervalMs)
  const soon = createBackoff({ minMs: Math.min(soonMs, intervalMs), maxMs: intervalMs, random })
  /** Was asked for, and could not be had. */
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
      standing.accepted()
      soon.reset()
      return withJitter(intervalMs, jitter, random)
    } catch (error) {
      signal.throwIfAborted()
      owesWhole = whole
      return failed(error)
    }
  }

  function failed(error: unknown): number {
    const refusedMs = standing.failed('reconciliation failed, will retry', error)
    if (refusedMs !== undefined) return refusedMs
    // The state did come; what cannot be applied of it is the applier's problem, until that works.
    if (error instanceof LocalFailure) {
      problems.clear('reconcile')
      return soon.nextMs()
    }
    const reason = deps.describe(error)
    problems.set('reconcile', `the desired state cannot be brought up to date: ${reason}`)
    return Math.max(soon.nextMs(), wishedWaitMs(error) ?? 0)
  }

  return startTask(run)
}
