import { TriggeredBy } from '@plexd/protocol'
import { type Static, Type } from 'typebox'

/** A new version that has yet to show that it works. */
const Candidate = Type.Object({
  version: Type.String(),
  /** The version that it replaces. */
  from: Type.String(),
  /** Of the action that asked for it. */
  execution_id: Type.String(),
  triggered_by: TriggeredBy,
  /** When that was, in milliseconds since 1970. */
  asked_ms: Type.Number(),
  /** How often it was started. */
  starts: Type.Number(),
  /** The ids of the peers that the version before had a session with. */
  peers: Type.Array(Type.String()),
  /** What it still lacked when it last looked; empty before. */
  lacks: Type.String(),
})
export type Candidate = Static<typeof Candidate>

/** How the last upgrade ended. */
const Outcome = Type.Object({
  version: Type.String(),
  from: Type.String(),
  status: Type.Enum(['confirmed', 'rolled_back']),
  /** Why it was rolled back; otherwise empty. */
  reason: Type.String(),
  execution_id: Type.String(),
  triggered_by: TriggeredBy,
  asked_ms: Type.Number(),
  ended_ms: Type.Number(),
})
export type UpgradeOutcome = Static<typeof Outcome>

const Named = Type.Union([Type.String(), Type.Null()])

/** Which version of plexd is to run on this machine. What is null is the packaged file. */
export const VersionState = Type.Object({
  /** The packaged file when this was decided: a package that was installed since takes precedence. */
  packaged: Type.Object({ version: Type.String(), path: Type.String() }),
  /** The last version that was shown to work. */
  current: Named,
  /** The one before it. */
  previous: Named,
  candidate: Type.Optional(Candidate),
  outcome: Type.Optional(Outcome),
})
export type VersionState = Static<typeof VersionState>

/** Nothing was ever upgraded. */
export function initialState(packaged: VersionState['packaged']): VersionState {
  return { packaged, current: null, previous: null }
}

export function withCandidate(
  state: VersionState,
  candidate: Omit<Candidate, 'starts' | 'lacks'>,
): VersionState {
  return { ...state, candidate: { ...candidate, starts: 0, lacks: '' } }
}

/** `change` is 1 for a start, and -1 for one that somebody ended who did not want to judge it. */
export function withStarts(state: VersionState, change: 1 | -1): VersionState {
  const { candidate } = state
  if (!candidate) return state
  return { ...state, candidate: { ...candidate, starts: candidate.starts + change } }
}

export function withLack(state: VersionState, lacks: string): VersionState {
  return state.candidate ? { ...state, candidate: { ...state.candidate, lacks } } : state
}

export function confirmed(state: VersionState, nowMs: number): VersionState {
  const { candidate, ...rest } = state
  if (!candidate) return state
  const outcome = outcomeOf(candidate, { status: 'confirmed', reason: '', ended_ms: nowMs })
  return { ...rest, current: candidate.version, previous: state.current, outcome }
}

export function rolledBack(state: VersionState, reason: string, nowMs: number): VersionState {
  const { candidate, ...rest } = state
  if (!candidate) return state
  const outcome = outcomeOf(candidate, { status: 'rolled_back', reason, ended_ms: nowMs })
  return { ...rest, outcome }
}

/** The versions whose files are needed. */
export function neededVersions({ current, previous, candidate }: VersionState): Set<string> {
  return new Set(
    [current, previous, candidate?.version].filter((version) => typeof version === 'string'),
  )
}

/** Names a trial, for the process that is on it. */
export function trialOf({ execution_id, asked_ms }: Candidate): string {
  return `${execution_id} ${asked_ms}`
}

/** Whether the result of this execution is that of an upgrade, and not what the process says that was asked for it. */
export function decidesExecution(state: VersionState | undefined, executionId: string): boolean {
  return [state?.candidate, state?.outcome].some((one) => one?.execution_id === executionId)
}

function outcomeOf(
  { version, from, execution_id, triggered_by, asked_ms }: Candidate,
  end: Pick<UpgradeOutcome, 'status' | 'reason' | 'ended_ms'>,
): UpgradeOutcome {
  return { version, from, execution_id, triggered_by, asked_ms, ...end }
}
