import { createBackoff, describeError } from '@plexd/runtime'
import {
  type NetworkMonitorOptions,
  startNetworkMonitor,
} from '../../routing/tables/network-monitor.ts'
import type { NetworkListener } from '../device/device.ts'

export interface InterfaceWatchOptions extends NetworkMonitorOptions, NetworkListener {
  /** Observes the interface and corrects it; rejects if it cannot. */
  look(): Promise<unknown>
  /** Whether another program has written to WireGuard; undefined if only a look can tell. Called often. */
  isDisturbed(): boolean | undefined
}

/** How often changes are checked for. A check wakes Node, which costs 0.2 ms; what another program changes is corrected within 0.3 s (bench `device`). */
const askEachMs = 200
/** If only looks can tell, they may take this share of the time. */
const lookShare = 1 / 200
const soonestMs = 250
const longestMs = 60_000

/**
 * Calls `look` when another program may have changed the interface: its link, addresses or routes, or WireGuard's
 * settings. The kernel's WireGuard does not announce changes of peers, so there it looks at intervals.
 */
export function startInterfaceWatch(options: InterfaceWatchOptions): AsyncDisposable {
  const { look, isDisturbed, clock, log } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: longestMs })
  let changed = false
  let lookedMs = clock.monotonic()
  let tookMs = 0
  let waitUntilMs = 0
  let looking: Promise<void> | undefined

  function ask(): void {
    if (looking || clock.monotonic() < waitUntilMs) return
    if (!changed && !isDue()) return
    looking = lookOnce().finally(() => {
      looking = undefined
    })
  }

  function isDue(): boolean {
    const dueMs = Math.min(Math.max(tookMs / lookShare, soonestMs), longestMs)
    return isDisturbed() ?? clock.monotonic() - lookedMs >= dueMs
  }

  async function lookOnce(): Promise<void> {
    const startedMs = clock.monotonic()
    changed = false
    options.onChange()
    try {
      await look()
      backoff.reset()
    } catch (error) {
      changed = true
      const waitMs = backoff.nextMs()
      waitUntilMs = clock.monotonic() + waitMs
      log.warn('interface cannot be corrected, will retry', {
        error: describeError(error),
        retry_in_ms: Math.round(waitMs),
      })
    }
    lookedMs = clock.monotonic()
    tookMs = lookedMs - startedMs
  }

  const ticking = clock.every(askEachMs, ask)
  const monitor = startNetworkMonitor({
    ...options,
    onChange() {
      options.onChange()
      options.onRoutes()
      changed = true
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      await Promise.all([looking, monitor[Symbol.asyncDispose]()])
    },
  }
}
