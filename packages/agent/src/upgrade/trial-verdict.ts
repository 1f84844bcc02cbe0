import { formatDuration } from '@plexd/protocol'
import { type ChildEnd, codeOf, describeEnd } from './child-end.ts'
import { restartCode } from './self.ts'
import { type Candidate, trialOf, type VersionState } from './version-state.ts'

/** What follows when a supervised version has ended. */
export type Verdict =
  /** Start what the state says. */
  | { do: 'launch' }
  /** End as it did. */
  | { do: 'end'; code: number }
  /** The same, and the start does not count: nothing is known of the version. */
  | { do: 'stop'; code: number }
  | { do: 'roll back'; reason: string }
  | { do: 'start again' }

export interface TrialEnd {
  end: ChildEnd
  /** The state by now. */
  state: VersionState
  /** The trial that it was on, or had been. */
  trial: string
  /** Whether this process was asked to end. */
  isStopping: boolean
  /** Whether the deadline has passed. */
  isLate: boolean
  deadlineMs: number
  maxStarts: number
}

/** Pure. */
export function judge(trialEnd: TrialEnd): Verdict {
  const { end, state, trial, isStopping } = trialEnd
  const { candidate } = state
  const code = codeOf(end)
  if (!candidate || trialOf(candidate) !== trial) {
    // It was confirmed. If it ended for an upgrade of its own, another version is on trial next, however it ended.
    const goesOn = code === restartCode || candidate !== undefined
    return goesOn && !isStopping ? { do: 'launch' } : { do: 'end', code }
  }
  if (isStopping) return { do: 'stop', code }
  const reason = reasonToGiveUp(candidate, trialEnd)
  return reason === undefined ? { do: 'start again' } : { do: 'roll back', reason }
}

/** Undefined while it may be started again. */
function reasonToGiveUp(
  { starts, lacks }: Candidate,
  { end, isLate, deadlineMs, maxStarts }: TrialEnd,
): string | undefined {
  const often = starts > 1 ? `, the last of ${starts} starts` : ''
  if (isLate)
    return `it was not healthy within ${formatDuration(deadlineMs)}: ${lacks || 'it did not even say what it lacked'}${often}`
  return starts >= maxStarts ? `${describeEnd(end)}${often}` : undefined
}
