import { type Clock, createEndRequests, endingSignals, type ReloadRequests } from '@plexd/runtime'

/** Passes the signals that this process gets on to its child. */
export interface SignalRelay extends Disposable {
  /** Undefined while there is none. */
  child: { pid?: number | undefined; kill(signal: NodeJS.Signals): unknown } | undefined
  /** Aborted once a signal asked for the end. */
  readonly stopping: AbortSignal
}

export interface RelayOptions {
  reloadRequests: ReloadRequests | undefined
  clock: Pick<Clock, 'monotonic'>
  /** Called with the first signal that asks for the end. */
  onStop(): void
}

/** A second signal that asks for the end kills the child, as it ends a daemon at once. */
export function startSignalRelay({ reloadRequests, clock, onStop }: RelayOptions): SignalRelay {
  const meaningOf = createEndRequests(clock)
  const stopping = new AbortController()
  const relay: SignalRelay = {
    child: undefined,
    stopping: stopping.signal,
    [Symbol.dispose]() {
      for (const name of endingSignals) process.off(name, stop)
      relay.child = undefined
    },
  }
  function stop(signal: NodeJS.Signals): void {
    const meaning = meaningOf(signal)
    if (meaning === 'echo') return
    if (meaning === 'first') onStop()
    relay.child?.kill(meaning === 'first' ? signal : 'SIGKILL')
    stopping.abort()
  }
  for (const name of endingSignals) process.on(name, stop)
  reloadRequests?.onRequest(() => relay.child?.kill('SIGHUP'))
  return relay
}
