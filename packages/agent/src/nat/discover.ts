import { createBackoff, describeError, type Log, withJitter } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { createRounds, type DiscoveredEndpoint, type RoundOptions } from './discovery-rounds.ts'

export interface DiscoverOptions extends RoundOptions {
  /** The last one reported, by this daemon or an earlier one. */
  own(): DiscoveredEndpoint | undefined
  /** Called after each round that found something new or was answered; if it rejects, the next round comes sooner. */
  report(found: DiscoveredEndpoint): Promise<void>
  refreshMs: number
  log: Log
  random?: () => number
}

export interface Discovery extends AsyncDisposable {
  /** Starts a round soon, as after a change of the network. */
  refresh(): void
  /** Starts a round now, and resolves to what it finds. */
  check(): Promise<DiscoveredEndpoint>
}

/** How often the host's own addresses are checked for changes. */
const lookMs = 2_000

/** Finds the public endpoint at start, when the host's addresses change, and every `refreshMs`. */
export function startDiscovery(options: DiscoverOptions): Discovery {
  const { refreshMs, clock, log, random } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 2_000, maxMs: refreshMs, ...(random && { random }) })
  const rounds = createRounds(options)
  const checks: PromiseWithResolvers<DiscoveredEndpoint>[] = []

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
      const own = options.own()
      if (isSilence(own, found)) return backoff.nextMs()
      logChange(log, own, found)
      await options.report(found)
      if (found.public_endpoint === '') return backoff.nextMs()
      backoff.reset()
      return withJitter(refreshMs, 0.1, random)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('endpoint cannot be found or reported, will retry', { error: describeError(error) })
      return backoff.nextMs()
    }
  }

  function look(signal: AbortSignal): Promise<DiscoveredEndpoint> {
    const round = rounds.next(signal)
    for (const check of checks.splice(0)) round.then(check.resolve, check.reject)
    return round
  }

  async function wait(ms: number, signal: AbortSignal): Promise<void> {
    if (rounds.isOutdated()) return
    using _looking = clock.every(lookMs, () => {
      if (rounds.isOutdated()) trigger.fire()
    })
    await trigger.wait(ms, signal)
  }

  const task = startTask(run)
  return {
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

function logChange(
  log: Log,
  before: DiscoveredEndpoint | undefined,
  { public_endpoint, nat_type, nat_reason, way, way_reason }: DiscoveredEndpoint,
): void {
  if (before?.public_endpoint !== public_endpoint || before.nat_type !== nat_type)
    log.info('public endpoint found', { public_endpoint, nat_type, nat_reason })
  if (before?.way !== way) log.info('way to the WireGuard port chosen', { way, way_reason })
}

/** Whether only servers are silent that answered before: that does not mean that the endpoint has changed. Pure. */
function isSilence(own: DiscoveredEndpoint | undefined, found: DiscoveredEndpoint): boolean {
  return (
    found.public_endpoint === '' &&
    own !== undefined &&
    own.public_endpoint !== '' &&
    own.local_endpoints.join() === found.local_endpoints.join()
  )
}
