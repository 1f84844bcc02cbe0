import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import { startNetworkMonitor } from '../../routing/network-monitor.ts'

export interface InterfaceWatchOptions {
  interfaceName: string
  /** Looks at the interface and corrects it; rejects when it cannot. */
  look(): Promise<unknown>
  /** Called when a look is due: what was seen before is of the past. */
  onChange(): void
  /** Whether somebody else has spoken to WireGuard; undefined where only a look can tell. Asked often. */
  isDisturbed(): boolean | undefined
  /** The machine has other addresses, or another way out, than before. */
  onMove(): void
  /** Routes or rules may lead elsewhere than before: a look is due. */
  onRoutes(): void
  /** Why nobody tells of changes, so that they are seen late; undefined once somebody does. */
  onUnwatched(why: string | undefined): void
  /** CIDR; throws while nobody knows. */
  meshRanges(): readonly string[]
  clock: Clock
  log: Log
}

/** Between two questions whether something has changed. As often as the firewall asks: one timer does for both. */
const askEachMs = 100
/** Where only looking tells, it may cost this share of the time. */
const lookShare = 1 / 200
const soonestMs = 250
const longestMs = 60_000

/**
 * Has the interface looked at when somebody else may have changed it: when the network says that its link, addresses
 * or routes changed, or when somebody spoke to WireGuard. The kernel's WireGuard tells nobody of a changed peer, so
 * there it is looked at every now and then.
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
