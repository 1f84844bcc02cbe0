import { formatDuration } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { trialVariable } from './self.ts'
import { type Candidate, confirmed, trialOf, withLack } from './version-state.ts'
import type { VersionStore } from './version-store.ts'

/** What a version shows of itself. */
export interface Health {
  /** Whether the control plane has accepted a heartbeat of it. */
  isHeard: boolean
  /** The ids of the peers that the node is to have. */
  wanted: ReadonlySet<string>
  /** Of those with which there is a session. */
  connected: ReadonlySet<string>
  /** How long it has run. */
  uptimeMs: number
}

export interface TrialDeps {
  store: VersionStore
  env: NodeJS.ProcessEnv
  health(): Promise<Health>
  /** How long it has to run at least. */
  settleMs: number
  onConfirmed(): void
  clock: Clock
  log: Log
}

const lookEachMs = 500

/** Of the peers that were reached before, the share that has to be: others may go away in this very minute. */
const reachedShare = 0.9

/** If this process is a new version on trial: confirms it as soon as it is well. */
export function startTrialWatch(deps: TrialDeps): AsyncDisposable {
  const { store, clock, log } = deps

  async function look(trial: string): Promise<boolean> {
    const state = store.read()
    if (!state?.candidate || trialOf(state.candidate) !== trial) return true
    const { candidate } = state
    const lacks = lackOf(candidate, await deps.health(), deps.settleMs)
    if (lacks !== undefined) {
      if (lacks !== candidate.lacks) await store.write(withLack(state, lacks))
      return false
    }
    const next = confirmed(state, clock.now())
    await store.write(next)
    log.info('the new version works', { version: candidate.version, from: candidate.from })
    deps.onConfirmed()
    await store.prune(next)
    return true
  }

  return startTask(async (signal) => {
    const trial = trialOfSelf(deps)
    if (trial === undefined) return
    for (let told = ''; ; ) {
      const isOver = await look(trial).catch((error: unknown) => {
        const why = describeError(error)
        if (why !== told) log.error('the new version cannot be confirmed', { error: why })
        told = why
        return false
      })
      if (isOver) return
      await clock.sleep(lookEachMs, signal)
    }
  })
}

/** The trial that this process is on; undefined for none. */
function trialOfSelf({ store, env }: TrialDeps): string | undefined {
  const candidate = store.read()?.candidate
  const trial = candidate && trialOf(candidate)
  return env[trialVariable] === trial ? trial : undefined
}

/** What a new version still lacks; undefined if it is well. Pure. */
export function lackOf(
  { peers }: Pick<Candidate, 'peers'>,
  { isHeard, wanted, connected, uptimeMs }: Health,
  settleMs: number,
): string | undefined {
  if (!isHeard) return 'the control plane has accepted no heartbeat'
  const expected = peers.filter((id) => wanted.has(id))
  const reached = expected.filter((id) => connected.has(id))
  if (reached.length < Math.ceil(reachedShare * expected.length))
    return `it reaches ${reached.length} of the ${expected.length} peers that were reached before`
  if (uptimeMs < settleMs) return `it has not run for ${formatDuration(settleMs)} yet`
  return undefined
}
