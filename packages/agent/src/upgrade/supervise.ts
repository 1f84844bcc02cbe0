import { formatDuration } from '@plexd/protocol'
import {
  type Clock,
  describeError,
  type Log,
  type ReloadRequests,
  spawnBuild,
} from '@plexd/runtime'
import { type ChildEnd, codeOf, describeEnd, endOf } from './child-end.ts'
import { restartCode, supervisorVariable, trialVariable } from './self.ts'
import { startSignalRelay } from './signal-relay.ts'
import {
  type Candidate,
  rolledBack,
  trialOf,
  type VersionState,
  withStarts,
} from './version-state.ts'
import type { VersionStore } from './version-store.ts'

export interface SupervisorOptions {
  store: VersionStore
  /** For the new version. */
  args: readonly string[]
  env: NodeJS.ProcessEnv
  deadlineMs: number
  maxStarts: number
  reloadRequests: ReloadRequests | undefined
  clock: Clock
  log: Log
}

/** Start what this state says, or end as the child has ended. */
export type Supervised =
  | { do: 'launch'; state: VersionState | undefined }
  | { do: 'end'; code: number }

/** Between two starts. */
const pauseMs = 1_000

/**
 * Runs a new version as a child until it has shown that it works, and then for as long as it runs: whatever is wrong with
 * it, nothing is with this process. Rolls back if it ends too often, or has not been confirmed at the deadline.
 */
export async function supervise(
  file: string,
  given: VersionState,
  options: SupervisorOptions,
): Promise<Supervised> {
  const { store, clock, log } = options
  using relay = startSignalRelay(options.reloadRequests)
  const untilMs = clock.monotonic() + options.deadlineMs
  let state = given
  for (;;) {
    state = withStarts(state, 1)
    await save(state, options)
    const { candidate } = state
    if (!candidate) return { do: 'launch', state }
    log.info('a new version is on trial', { version: candidate.version, starts: candidate.starts })
    const end = await runOnce(file, candidate, { ...options, relay, untilMs })
    const now = store.read()
    if (now && !now.candidate) return afterConfirmation(end, now)
    state = now?.candidate ? now : state
    if (relay.stopping.aborted) {
      // That it ended says nothing of it.
      await save(withStarts(state, -1), options)
      return { do: 'end', code: codeOf(end) }
    }
    const reason = reasonToGiveUp(state.candidate ?? candidate, end, {
      ...options,
      isLate: clock.monotonic() >= untilMs,
    })
    if (reason !== undefined) {
      log.error('a new version is rolled back', { version: candidate.version, reason })
      const back = rolledBack(state, reason, clock.now())
      await save(back, options)
      return { do: 'launch', state: back }
    }
    log.warn('a new version ended on trial', { version: candidate.version, end: describeEnd(end) })
    await clock.sleep(pauseMs, relay.stopping).catch(() => {}) // then the next start is stopped
  }
}

/** Until it ends; at the deadline it is killed, unless it was confirmed. */
async function runOnce(
  file: string,
  candidate: Candidate,
  {
    store,
    args,
    env,
    clock,
    relay,
    untilMs,
  }: SupervisorOptions & { relay: ReturnType<typeof startSignalRelay>; untilMs: number },
): Promise<ChildEnd> {
  const child = spawnBuild(file, args, {
    ...env,
    [trialVariable]: trialOf(candidate),
    [supervisorVariable]: String(process.pid),
  })
  relay.child = child
  if (relay.stopping.aborted) child.kill('SIGTERM')
  const ended = endOf(child)
  const over = new AbortController()
  const late = clock.sleep(untilMs - clock.monotonic(), over.signal).then(
    () => store.read()?.candidate && child.kill('SIGKILL'),
    () => {}, // it ended first
  )
  const end = await ended
  over.abort()
  await late
  relay.child = undefined
  return end
}

function afterConfirmation(end: ChildEnd, state: VersionState): Supervised {
  const code = codeOf(end)
  return code === restartCode ? { do: 'launch', state } : { do: 'end', code }
}

/** Undefined while it may be started again. */
function reasonToGiveUp(
  { starts, lacks }: Candidate,
  end: ChildEnd,
  {
    deadlineMs,
    maxStarts,
    isLate,
  }: Pick<SupervisorOptions, 'deadlineMs' | 'maxStarts'> & { isLate: boolean },
): string | undefined {
  const often = starts > 1 ? `, the last of ${starts} starts` : ''
  if (isLate)
    return `it was not healthy within ${formatDuration(deadlineMs)}: ${lacks || 'it did not even say what it lacked'}${often}`
  return starts >= maxStarts ? `${describeEnd(end)}${often}` : undefined
}

/** A full disk must not keep this machine without plexd: then only this process knows. */
async function save(state: VersionState, { store, log }: SupervisorOptions): Promise<void> {
  try {
    await store.write(state)
  } catch (error) {
    log.error('the state of an upgrade cannot be saved', { error: describeError(error) })
  }
}
