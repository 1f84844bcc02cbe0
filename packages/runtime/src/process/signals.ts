/** SIGHUP, which asks a daemon to reload; caught from the daemon's first line on. */
export interface ReloadRequests {
  /** Calls the listener for each signal from now on, and at once for earlier ones. One listener only. */
  onRequest(listener: () => void): void
}

/**
 * Call this in the first line of a daemon, before loading the rest: the default action of a signal that arrives while
 * it reads its settings would end it silently. Signals without meaning for a daemon are ignored; a SIGHUP is kept.
 */
export function heedSignals(): ReloadRequests {
  for (const name of meaningless) process.on(name, () => {})
  let isAsked = false
  let onRequest = (): void => {
    isAsked = true
  }
  process.on('SIGHUP', () => onRequest())
  return {
    onRequest(listener) {
      onRequest = listener
      if (isAsked) listener()
    },
  }
}

/** Signals whose default action ends the process; Node's default for SIGUSR1 is to open the debugger. */
const meaningless = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
] as const
