import { describeError, type Log } from '../log/log.ts'
import { heedSignals, type ReloadRequests } from './signals.ts'

/** A program that runs until a signal ends it. */
export interface Daemon extends AsyncDisposable {
  /** Reloads what may change while it runs. A rejection is logged, and the program continues unchanged. */
  reload(): Promise<void>
}

/**
 * Starts a daemon, waits for SIGTERM or another termination signal, and disposes of it. A second signal, or a disposal that takes longer
 * than `stopMs`, ends the process at once with exit code 1. A slow start can watch the abort signal it is
 * given: rejecting because of it is not a failure. SIGHUP makes the daemon reload; one that arrives
 * before or during the start is handled after it.
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Daemon>,
  {
    log,
    reloadRequests = heedSignals(),
    stopMs = 5_000,
    onLate = () => {},
  }: {
    log: Log
    reloadRequests?: ReloadRequests | undefined
    stopMs?: number
    /** Called when the disposal takes too long, before the process ends. */
    onLate?: () => void
  },
): Promise<void> {
  const starting = new AbortController()
  // Installed before the start, so that a signal during it does not leave a half-started daemon behind.
  const signals = listenForSignals(() => starting.abort())
  const reloads = listenForReloads(reloadRequests, log)
  try {
    const daemon = await start(starting.signal).catch((error: unknown) => {
      if (!starting.signal.aborted) throw error
    })
    if (!daemon) return
    reloads.begin(daemon)
    log.info('stopping', { signal: await signals.first })
    reloads.end()
    await disposeWithin(daemon, { log, stopMs, onLate })
  } finally {
    signals.end()
    endDespitePipes()
  }
}

/** Output stuck in a pipe that nobody reads would otherwise keep the process alive forever. */
function endDespitePipes(): void {
  setTimeout(() => process.exit(), 1_000).unref()
}

/** Runs reloads one at a time; requests that arrive during one are merged into a single further reload. Listens until the process ends. */
function listenForReloads(
  requests: ReloadRequests,
  log: Log,
): { begin(daemon: Daemon): void; end(): void } {
  let daemon: Daemon | undefined
  let isAsked = false
  let isRunning = false

  async function run(): Promise<void> {
    if (isRunning) return
    isRunning = true
    while (isAsked && daemon) {
      isAsked = false
      try {
        await daemon.reload()
        log.info('reloaded')
      } catch (error) {
        log.error('reload failed, all stays as it was', { error: describeError(error) })
      }
    }
    isRunning = false
  }

  requests.onRequest(() => {
    isAsked = true
    void run()
  })
  return {
    begin(started) {
      daemon = started
      void run()
    },
    end() {
      daemon = undefined
    },
  }
}

async function disposeWithin(
  daemon: AsyncDisposable,
  { log, stopMs, onLate }: { log: Log; stopMs: number; onLate: () => void },
): Promise<void> {
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

/** One listener for all of them: removing a listener between two signals that arrive together would lose the second. */
function listenForSignals(onFirst: () => void): {
  first: Promise<NodeJS.Signals>
  end(): void
} {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let count = 0
  const listener = (signal: NodeJS.Signals): void => {
    count++
    if (count > 1) process.exit(1)
    resolve(signal)
    onFirst()
  }
  for (const name of names) process.on(name, listener)
  return {
    first: promise,
    end() {
      for (const name of names) process.off(name, listener)
    },
  }
}

const names = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGXCPU'] as const
