import type { Clock } from '../time/clock.ts'

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

/** Those that end a daemon, in order. */
export const endingSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGXCPU'] as const

/** What a signal that ends means: the first asks for an end in order, another one for an end at once. */
export type EndRequest = 'first' | 'echo' | 'another'

/**
 * The same signal again within this time is an echo of the first: a service manager signals all processes of a service, as a
 * terminal does, while the process above passes the signal on.
 */
const echoMs = 500

export function createEndRequests(
  clock: Pick<Clock, 'monotonic'>,
): (signal: NodeJS.Signals) => EndRequest {
  let first: { signal: NodeJS.Signals; atMs: number } | undefined
  return (signal) => {
    const atMs = clock.monotonic()
    if (!first) {
      first = { signal, atMs }
      return 'first'
    }
    return signal === first.signal && atMs - first.atMs <= echoMs ? 'echo' : 'another'
  }
}
