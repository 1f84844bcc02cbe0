import { describeError, type Log } from './log.ts'

/**
 * Starts a daemon, waits for SIGTERM or SIGINT and disposes of it. A second signal, or a disposal that takes longer
 * than `stopMs`, ends the process at once with exit code 1. A start that takes long may watch the abort signal it is
 * given: when it rejects because of that, nothing has failed.
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<AsyncDisposable>,
  { log, stopMs = 5_000 }: { log: Log; stopMs?: number },
): Promise<void> {
  const starting = new AbortController()
  // Listening before the start: a signal in the middle of it must not leave half a daemon behind.
  const signals = listenForSignals(() => starting.abort())
  try {
    const daemon = await start(starting.signal).catch((error: unknown) => {
      if (!starting.signal.aborted) throw error
    })
    if (!daemon) return
    log.info('stopping', { signal: await signals.first })
    await disposeWithin(daemon, { log, stopMs })
  } finally {
    signals.end()
  }
}

async function disposeWithin(
  daemon: AsyncDisposable,
  { log, stopMs }: { log: Log; stopMs: number },
): Promise<void> {
  const deadline = setTimeout(() => {
    log.error('stopping took too long', { stop_ms: stopMs })
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

/** One listener for all of them: taking it off between two signals that come together would lose the second. */
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

const names = ['SIGTERM', 'SIGINT'] as const
