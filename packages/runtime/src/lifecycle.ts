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
  // Listening before the start: a signal in the middle of it must not leave half a daemon behind.
  const starting = new AbortController()
  const stop = nextSignal().finally(() => starting.abort())
  const daemon = await start(starting.signal).catch((error: unknown) => {
    if (!starting.signal.aborted) throw error
  })
  if (!daemon) return
  const signal = await stop
  log.info('stopping', { signal })
  void nextSignal().then(() => process.exit(1))
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

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const finish = (signal: NodeJS.Signals): void => {
      for (const name of signals) process.off(name, finish)
      resolve(signal)
    }
    for (const name of signals) process.on(name, finish)
  })
}

const signals = ['SIGTERM', 'SIGINT'] as const
