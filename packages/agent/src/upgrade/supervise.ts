import {
  type Clock,
  describeError,
  type Log,
  type ReloadRequests,
  type ServiceManager,
  spawnBuild,
  startServiceWatch,
} from '@plexd/runtime'
import { probeSocket } from '../health/service-probe.ts'
import { type ChildEnd, describeEnd, endOf } from './child-end.ts'
import { supervisorVariable, trialVariable } from './self.ts'
import { type SignalRelay, startSignalRelay } from './signal-relay.ts'
import { judge } from './trial-verdict.ts'
import { rolledBack, trialOf, type VersionState, withStarts } from './version-state.ts'
import type { VersionStore } from './version-store.ts'

export interface SupervisorOptions {
  store: VersionStore
  /** For the new version. */
  args: readonly string[]
  env: NodeJS.ProcessEnv
  deadlineMs: number
  maxStarts: number
  reloadRequests: ReloadRequests | undefined
  /** Knows this process alone, which speaks for the child. */
  manager: ServiceManager
  /** What the child takes at most to end. */
  stopMs: number
  /** Where the child serves; undefined if it does not. */
  socketPath: string | undefined
  clock: Clock
  log: Log
}

/** Start what this state says, or end as the child has ended. */
export type Supervised = { do: 'launch'; state: VersionState } | { do: 'end'; code: number }

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
  const { store, manager, clock, log } = options
  const { candidate } = given
  if (!candidate) return { do: 'launch', state: given }
  const { version } = candidate
  const trial = trialOf(candidate)
  using relay = startSignalRelay({ ...options, onStop: () => manager.stopping(options.stopMs) })
  using _watch = watchChild(relay, options)
  const untilMs = clock.monotonic() + options.deadlineMs
  let state = given
  for (;;) {
    state = withStarts(state, 1)
    await save(state, options)
    log.info('a new version is on trial', { version, starts: state.candidate?.starts })
    const end = await runOnce(file, trial, { ...options, relay, untilMs })
    state = store.read() ?? state
    const isStopping = relay.stopping.aborted
    const isLate = clock.monotonic() >= untilMs
    const verdict = judge({ ...options, end, state, trial, isStopping, isLate })
    if (verdict.do === 'launch') return { do: 'launch', state }
    if (verdict.do === 'stop') await save(withStarts(state, -1), options)
    if ('code' in verdict) return { do: 'end', code: verdict.code }
    if (verdict.do === 'roll back') {
      log.error('a new version is rolled back', { version, reason: verdict.reason })
      state = rolledBack(state, verdict.reason, clock.now())
      await save(state, options)
      return { do: 'launch', state }
    }
    log.warn('a new version ended on trial', { version, end: describeEnd(end) })
    await clock.sleep(pauseMs, relay.stopping).catch(() => {}) // then the next start is stopped
  }
}

/** Without a socket nothing is known of it but that it runs. */
function watchChild(
  relay: SignalRelay,
  { manager, socketPath, clock, log }: SupervisorOptions,
): Disposable | undefined {
  if (!manager.isThere) return undefined
  const pid = (): number | undefined => relay.child?.pid
  const probe =
    socketPath === undefined ? async () => describeChild(pid()) : probeSocket(socketPath, pid)
  return startServiceWatch({ manager, probe, clock, log })
}

function describeChild(pid: number | undefined): string {
  if (pid === undefined) throw new Error('no version of plexd runs')
  return `process ${pid} runs a new version`
}

/** Until it ends; at the deadline it is killed, unless it was confirmed. */
async function runOnce(
  file: string,
  trial: string,
  {
    store,
    args,
    env,
    clock,
    relay,
    untilMs,
  }: SupervisorOptions & { relay: SignalRelay; untilMs: number },
): Promise<ChildEnd> {
  const child = spawnBuild(file, args, {
    ...env,
    [trialVariable]: trial,
    [supervisorVariable]: String(process.pid),
  })
  relay.child = child
  if (relay.stopping.aborted) child.kill('SIGTERM')
  function killIfOnTrial(): void {
    const candidate = store.read()?.candidate
    if (candidate && trialOf(candidate) === trial) child.kill('SIGKILL')
  }
  const over = new AbortController()
  const late = clock.sleep(untilMs - clock.monotonic(), over.signal).then(killIfOnTrial, () => {}) // it ended first
  const end = await endOf(child)
  over.abort()
  await late
  relay.child = undefined
  return end
}

/** A full disk must not keep this machine without plexd: then only this process knows. */
async function save(state: VersionState, { store, log }: SupervisorOptions): Promise<void> {
  try {
    await store.write(state)
  } catch (error) {
    log.error('the state of an upgrade cannot be saved', { error: describeError(error) })
  }
}
