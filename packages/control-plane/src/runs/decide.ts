import type { RunState } from '@plexd/protocol'
import type { RunStop, StoredRun } from '../rows/executions/runs.ts'

/** How far a run is: how many of its nodes are where, and what was asked of it. */
export type Progress = Pick<
  StoredRun,
  | 'stop'
  | 'waiting'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'max_parallel'
  | 'max_failures'
  | 'canary'
  | 'expires_at'
> & { state: RunState }

export interface Decision {
  state: RunState
  stop: RunStop | null
  /** How many waiting nodes may begin now. */
  starts: number
}

/**
 * What a run does next. Pure: the same for whoever asks, so it is asked whenever something may have changed.
 * A run ends when nothing of it goes on any more, so a cancelled one is `running` until the last of its executions is over.
 */
export function decide(run: Progress, nowMs: number): Decision {
  const { state } = run
  if (isOver(state)) return { state, stop: run.stop, starts: 0 }
  const stop = run.stop ?? newStop(run, nowMs)
  const hasMore = run.waiting > 0 && stop === null
  if (!hasMore && run.running === 0) return { state: endOf(run, stop), stop, starts: 0 }
  return { state, stop, starts: hasMore && state === 'running' ? roomIn(run) : 0 }
}

export function isOver(state: RunState): boolean {
  return state !== 'running' && state !== 'paused'
}

/** A run that has come to all of its nodes needs no stop. */
function newStop(run: Progress, nowMs: number): RunStop | null {
  if (run.waiting === 0) return null
  if (run.failed > 0 && startedOf(run) <= run.canary) return 'canary'
  if (run.failed > run.max_failures) return 'failures'
  return nowMs >= run.expires_at ? 'expired' : null
}

function endOf(run: Progress, stop: RunStop | null): RunState {
  if (stop === 'cancelled') return 'cancelled'
  return stop === null && run.failed === 0 && run.succeeded > 0 ? 'succeeded' : 'failed'
}

/** The canaries go alone: the others begin once all of them have succeeded. */
function roomIn(run: Progress): number {
  const started = startedOf(run)
  const areCanariesOut = started < run.canary || (started === run.canary && run.running > 0)
  const most = areCanariesOut ? run.canary - started : run.waiting
  return Math.max(0, Math.min(run.max_parallel - run.running, run.waiting, most))
}

/** Those that were skipped took no turn. */
function startedOf({ running, succeeded, failed, cancelled }: Progress): number {
  return running + succeeded + failed + cancelled
}
