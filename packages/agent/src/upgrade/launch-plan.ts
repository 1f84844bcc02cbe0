import { compareVersions } from '@plexd/protocol'
import { rolledBack, trialOf, type VersionState } from './version-state.ts'

/** What a start of plexd does about the versions on the disk. */
export type LaunchPlan =
  /** This program is the one. */
  | { do: 'run' }
  /** Another one is. */
  | { do: 'replace'; file: string }
  /** It is a new one, which is watched from outside. */
  | { do: 'supervise'; file: string; state: VersionState }
  /** The state is put right, then planned anew. */
  | { do: 'change'; state: VersionState; why: string }

export interface Starting {
  state: VersionState | undefined
  /** This program. */
  self: { path: string; version: string; isPackaged: boolean }
  /** The execution for which this process is on trial; undefined for none. */
  trial: string | undefined
  maxStarts: number
  nowMs: number
  fileOf(version: string): string
  has(version: string): boolean
}

/** Pure, but for the questions about files. */
export function planLaunch(starting: Starting): LaunchPlan {
  const { state, self, trial, maxStarts, nowMs, fileOf, has } = starting
  if (!state) return { do: 'run' }
  const giveUp = (why: string): LaunchPlan => ({
    do: 'change',
    state: rolledBack(state, why, nowMs),
    why,
  })
  const { candidate, packaged } = state
  if (candidate && trial === trialOf(candidate)) return { do: 'run' }
  if (self.isPackaged && self.version !== packaged.version)
    return isBehind(starting, state) ? keepCurrent(starting, state) : preferPackage(starting, state)
  if (!candidate) return planCurrent(starting, state)
  if (!has(candidate.version)) return giveUp('its file is gone')
  if (candidate.starts >= maxStarts)
    return giveUp(`it was started ${candidate.starts} times and never got well`)
  return { do: 'supervise', file: fileOf(candidate.version), state }
}

/**
 * Whether another package came that is newer than the one before, and older than what runs: the machine upgrades its packages, and
 * nobody has asked to go back. Who installs an older package than there was wants that one.
 */
function isBehind({ self, has }: Starting, { packaged, current }: VersionState): boolean {
  if (current === null || !has(current)) return false
  return (
    compareVersions(self.version, packaged.version) > 0 &&
    compareVersions(self.version, current) < 0
  )
}

function keepCurrent({ self }: Starting, state: VersionState): LaunchPlan {
  const why = `a package with version ${self.version} was installed, and ${state.current} is newer`
  return { do: 'change', state: { ...state, packaged: packageOf(self) }, why }
}

/** Somebody has installed another package since. */
function preferPackage({ self, nowMs }: Starting, state: VersionState): LaunchPlan {
  const why = `a package with version ${self.version} was installed`
  return {
    do: 'change',
    state: {
      ...rolledBack(state, why, nowMs),
      packaged: packageOf(self),
      current: null,
      previous: null,
    },
    why,
  }
}

const packageOf = ({ version, path }: Starting['self']): VersionState['packaged'] => ({
  version,
  path,
})

function planCurrent({ self, fileOf, has }: Starting, state: VersionState): LaunchPlan {
  const { current, previous, packaged } = state
  const file = current === null ? packaged.path : fileOf(current)
  if (file === self.path || (current === null && self.isPackaged)) return { do: 'run' }
  if (current === null || has(current)) return { do: 'replace', file }
  // The file of the current version was removed: the version before it is better than none.
  const before = previous !== null && has(previous) ? previous : null
  return {
    do: 'change',
    state: { ...state, current: before, previous: null },
    why: `the file of version ${current} is gone`,
  }
}
