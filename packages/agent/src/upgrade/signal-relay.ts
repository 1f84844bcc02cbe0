import type { ReloadRequests } from '@plexd/runtime'

/** Passes the signals that this process gets on to its child. */
export interface SignalRelay extends Disposable {
  /** Undefined while there is none. */
  child: { kill(signal: NodeJS.Signals): unknown } | undefined
  /** Aborted once a signal asked for the end. */
  readonly stopping: AbortSignal
}

/** A second signal that asks for the end kills the child, as it ends a daemon at once. */
export function startSignalRelay(reloadRequests: ReloadRequests | undefined): SignalRelay {
  const stopping = new AbortController()
  const relay: SignalRelay = {
    child: undefined,
    stopping: stopping.signal,
    [Symbol.dispose]() {
      for (const name of ending) process.off(name, stop)
      relay.child = undefined
    },
  }
  function stop(signal: NodeJS.Signals): void {
    relay.child?.kill(stopping.signal.aborted ? 'SIGKILL' : signal)
    stopping.abort()
  }
  for (const name of ending) process.on(name, stop)
  reloadRequests?.onRequest(() => relay.child?.kill('SIGHUP'))
  return relay
}

const ending = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGXCPU'] as const
