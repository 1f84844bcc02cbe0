/** What asks a daemon to read again what it can, from its first line on. */
export interface ReloadRequests {
  /** Has it run for each from now on, and at once for those that came before. One listener. */
  onRequest(listener: () => void): void
}

/**
 * To be called in the first line of a daemon, before it loads the rest of itself: a signal that comes while it reads its
 * settings would end it without a word. Those that mean nothing to a daemon do nothing; a SIGHUP is kept.
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

/** Whose default is the end of the process; of SIGUSR1, in Node, that its debugger opens. */
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
