import { createBackoff, describeError, type Log, withJitter } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { createRounds, type DiscoveredEndpoint, type RoundOptions } from './rounds.ts'

export interface DiscoverOptions extends RoundOptions {
  /** What an earlier daemon found. */
  known?: DiscoveredEndpoint | undefined
  /**
   * After each round, but for those in which no server answers and the endpoint is known already. When it rejects, the
   * next round comes sooner.
   */
  report(found: DiscoveredEndpoint): Promise<void>
  refreshMs: number
  log: Log
  random?: () => number
}

export interface Discovery extends AsyncDisposable {
  /** What the last round found, or `known`; undefined when there is neither. */
  current(): DiscoveredEndpoint | undefined
  /** Looks again soon, as when the network has changed. */
  refresh(): void
  /** Looks at once, and resolves to what is seen. Rejects when looking fails. */
  check(): Promise<DiscoveredEndpoint>
}

/** Between two looks at the host's own addresses. */
const lookMs = 2_000
/** Finds the public endpoint at start, when the host's addresses change, and every `refreshMs`. */
export function startDiscovery(options: DiscoverOptions): Discovery {
  const { refreshMs, clock, log, random } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 2_000, maxMs: refreshMs, ...(random && { random }) })
  const rounds = createRounds(options)
  let current = options.known
  let checks: PromiseWithResolvers<DiscoveredEndpoint>[] = []

  async function run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) await wait(await once(signal), signal)
    } finally {
      await rounds.close()
    }
  }

  /** The time until the next round. */
  async function once(signal: AbortSignal): Promise<number> {
    try {
      const found = await look(signal)
      const isSilent = found.public_endpoint === ''
      // Servers that do not answer are no sign that the endpoint is another.
      if (isSilent && current?.public_endpoint && isSamePlace(current, found))
        return backoff.nextMs()
      logChange(log, current, found)
      current = found
      await options.report(found)
      if (isSilent) return backoff.nextMs()
      backoff.reset()
      return withJitter(refreshMs, 0.1, random)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('endpoint cannot be found or reported, will retry', { error: describeError(error) })
      return backoff.nextMs()
    }
  }

  async function look(signal: AbortSignal): Promise<DiscoveredEndpoint> {
    const waiting = checks
    checks = []
    try {
      const found = await rounds.next(signal)
      for (const check of waiting) check.resolve(found)
      return found
    } catch (error) {
      for (const check of waiting) check.reject(error)
      throw error
    }
  }

  async function wait(ms: number, signal: AbortSignal): Promise<void> {
    const untilMs = clock.monotonic() + ms
    for (;;) {
      const leftMs = untilMs - clock.monotonic()
      if (leftMs <= 0 || rounds.isOutdated()) return
      if (await trigger.wait(Math.min(leftMs, lookMs), signal)) return
    }
  }

  const task = startTask(run)
  return {
    current: () => current,
    refresh: trigger.fire,
    check() {
      const check = Promise.withResolvers<DiscoveredEndpoint>()
      checks.push(check)
      trigger.fire()
      return check.promise
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

function isSamePlace(one: DiscoveredEndpoint, other: DiscoveredEndpoint): boolean {
  return one.local_endpoints.join() === other.local_endpoints.join()
}

function logChange(
  log: Log,
  before: DiscoveredEndpoint | undefined,
  { public_endpoint, nat_type, nat_reason, way, way_reason }: DiscoveredEndpoint,
): void {
  if (before?.public_endpoint !== public_endpoint || before.nat_type !== nat_type)
    log.info('public endpoint found', { public_endpoint, nat_type, nat_reason })
  if (before?.way !== way) log.info('way to the WireGuard port chosen', { way, way_reason })
}
