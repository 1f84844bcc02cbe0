import { describeError, type Log } from '../log/log.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { listenForReloads, type Reloading } from './reloads.ts'
import { openServiceManager, type ServiceManager } from './service-manager.ts'
import { type ServiceProbe, startServiceWatch } from './service-watch.ts'
import { createEndRequests, endingSignals, heedSignals, type ReloadRequests } from './signals.ts'

/** A program that runs until a signal ends it. A rejected reload is logged, and the program continues unchanged. */
export interface Daemon extends AsyncDisposable, Reloading {
  /** Resolves to why it cannot go on: the process ends with exit code 1. */
  readonly failed?: Promise<Error>
}

export interface LifecycleOptions {
  log: Log
  reloadRequests?: ReloadRequests | undefined
  /** Is told how the daemon is, by the answers of the probe. */
  manager?: ServiceManager
  probe?: ServiceProbe
  /** Whether the process starts anew after this end. */
  isRestarting?: () => boolean
  stopMs?: number
  /** Called when the disposal takes too long, before the process ends. */
  onLate?: () => void
  clock?: Clock
}

/**
 * Starts a daemon, waits for SIGTERM or another termination signal, and disposes of it. A second signal, or a disposal that takes longer
 * than `stopMs`, ends the process at once with exit code 1. A slow start can watch the abort signal it is
 * given: rejecting because of it is not a failure. SIGHUP makes the daemon reload; one that arrives
 * before or during the start is handled after it.
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Daemon>,
  options: LifecycleOptions,
): Promise<void> {
  const { log, reloadRequests = heedSignals(), probe, clock = systemClock } = options
  const manager = options.manager ?? openServiceManager({}, log)
  const starting = new AbortController()
  const tellEnd = (): void => tellManager(manager, options)
  // Installed before the start, so that a signal during it does not leave a half-started daemon behind.
  const signals = listenForSignals(() => {
    tellEnd()
    starting.abort()
  }, clock)
  const reloads = listenForReloads(reloadRequests, { manager, log })
  manager.status('starting')
  using _watch =
    probe && manager.isThere ? startServiceWatch({ manager, probe, clock, log }) : undefined
  try {
    const daemon = await start(starting.signal).catch((error: unknown) => {
      if (!starting.signal.aborted) throw error
    })
    if (!daemon) return
    reloads.begin(daemon)
    const failure = await Promise.race([signals.first, daemon.failed ?? signals.first])
    if (failure instanceof Error) {
      tellEnd()
      process.exitCode = 1
      log.error('stopping', { error: describeError(failure) })
    } else log.info('stopping', { signal: failure })
    reloads.end()
    await disposeWithin(daemon, { ...options, manager, clock })
  } finally {
    // The signals stay heeded: the echo of one may come while the process ends.
    endDespitePipes()
  }
}

function tellManager(manager: ServiceManager, { isRestarting, stopMs }: LifecycleOptions): void {
  const withinMs = (stopMs ?? defaultStopMs) + marginMs
  if (isRestarting?.()) manager.restarting(withinMs)
  else manager.stopping(withinMs)
}

const defaultStopMs = 5_000
/** What a process takes that ends by itself, on a busy machine. */
const marginMs = 10_000

/** Output stuck in a pipe that nobody reads would otherwise keep the process alive forever. */
function endDespitePipes(): void {
  setTimeout(() => process.exit(), 1_000).unref()
}

async function disposeWithin(
  daemon: AsyncDisposable,
  {
    log,
    stopMs = defaultStopMs,
    onLate = () => {},
    manager,
    clock,
  }: LifecycleOptions & { manager: ServiceManager; clock: Clock },
): Promise<void> {
  // The deadline bounds it, so no more has to be proved.
  const { watchdogMs } = manager
  using _alive = watchdogMs === undefined ? undefined : clock.every(watchdogMs / 4, manager.alive)
  const deadline = setTimeout(() => {
    log.error('stopping took too long', { stop_ms: stopMs })
    onLate()
    process.exit(1)
  }, stopMs)
  try {
    await daemon[Symbol.asyncDispose]()
  } catch (error) {
    log.error('stop failed', { error: describeError(error) })
    process.exitCode = 1
  }
  clearTimeout(deadline)
}

/** Resolves to the first. A further request ends the process at once. */
function listenForSignals(
  onFirst: () => void,
  clock: Pick<Clock, 'monotonic'>,
): { first: Promise<NodeJS.Signals> } {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  const meaningOf = createEndRequests(clock)
  const listener = (signal: NodeJS.Signals): void => {
    const meaning = meaningOf(signal)
    if (meaning === 'another') process.exit(1)
    if (meaning === 'echo') return
    resolve(signal)
    onFirst()
  }
  for (const name of endingSignals) process.on(name, listener)
  return { first: promise }
}
