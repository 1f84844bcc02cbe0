import type { NatType } from '@plexd/protocol'
import { type Clock, createBackoff, describeError, type Log, withJitter } from '@plexd/runtime'
import { startTask } from '../task.ts'
import { createTrigger } from '../trigger.ts'
import { type Address, formatAddress } from './address.ts'
import { type Interfaces, localEndpoints } from './local-addresses.ts'
import type { WireguardPort, WireguardPortStatus } from './wireguard-port.ts'

/** Where this node can be reached, as far as it can find out itself. */
export interface DiscoveredEndpoint {
  /** Where the internet sees WireGuard's port; empty while no server answers. */
  public_endpoint: string
  nat_type: NatType
  /** Why it is believed to be of that type. */
  nat_reason: string
  /** The server that saw it. */
  stun_server: string
  /** How WireGuard's port was asked from. */
  way: WireguardPortStatus['way']
  way_reason: string
  /** For peers in the same network. */
  local_endpoints: string[]
  /** RFC 3339. */
  checked_at: string
}

export interface DiscoverOptions {
  /** Opened anew whenever the host's addresses change. */
  openPort(): Promise<WireguardPort>
  listenPort: number
  meshInterface: string
  resolveServers(): Promise<Address[]>
  /** The type of the NAT, measured on a port that nobody has used. */
  measure(
    servers: readonly Address[],
    signal: AbortSignal,
  ): Promise<{ type: NatType; reason: string }>
  interfaces(): Interfaces
  /** After each round that found a public endpoint. When it rejects, the next round comes sooner. */
  report(found: DiscoveredEndpoint): Promise<void>
  refreshMs: number
  clock: Clock
  log: Log
  random?: () => number
}

export interface Discovery extends AsyncDisposable {
  /** What the last round found; undefined before the first has ended. */
  current(): DiscoveredEndpoint | undefined
  /** Looks again soon, as when the network has changed. */
  refresh(): void
}

/** Between two looks at the host's own addresses. */
const lookMs = 2_000
/** A NAT stays what it is, but a host may come behind another one without any change of its own. */
const measureEachMs = 3_600_000

/** Finds the public endpoint at start, when the host's addresses change, and every `refreshMs`. */
export function startDiscovery(options: DiscoverOptions): Discovery {
  const { refreshMs, clock, log, random } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 2_000, maxMs: refreshMs, ...(random && { random }) })
  const rounds = createRounds(options)
  let current: DiscoveredEndpoint | undefined

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
      const found = await rounds.next(signal)
      logChange(log, current, found)
      current = found
      if (found.public_endpoint === '') return backoff.nextMs()
      await options.report(found)
      backoff.reset()
      return withJitter(refreshMs, 0.1, random)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('endpoint cannot be found or reported, will retry', { error: describeError(error) })
      return backoff.nextMs()
    }
  }

  async function wait(ms: number, signal: AbortSignal): Promise<void> {
    const untilMs = clock.now() + ms
    for (;;) {
      const leftMs = untilMs - clock.now()
      if (leftMs <= 0 || rounds.isOutdated()) return
      if (await trigger.wait(Math.min(leftMs, lookMs), signal)) return
    }
  }

  const task = startTask(run)
  return {
    current: () => current,
    refresh: trigger.fire,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

/** What lasts from one round to the next: the port, as long as the addresses are the same, and the type of the NAT. */
function createRounds(options: DiscoverOptions) {
  const { listenPort: port, meshInterface, clock } = options
  let addresses: string | undefined
  let open: WireguardPort | undefined
  let nat: { type: NatType; reason: string; of: string; atMs: number } | undefined

  function lookAround(): string {
    return JSON.stringify(localEndpoints(options.interfaces(), { port, meshInterface }))
  }

  async function close(): Promise<void> {
    const closing = open
    open = undefined
    await closing?.[Symbol.asyncDispose]()
  }

  async function next(signal: AbortSignal): Promise<DiscoveredEndpoint> {
    const around = lookAround()
    if (around !== addresses) {
      await close()
      nat = undefined
      addresses = around
    }
    open ??= await options.openPort()
    const servers = await options.resolveServers()
    const sighting = await open.locate(servers, signal)
    const { type, reason } = await natType(sighting?.mapped.address ?? '', servers, signal)
    const { way, why } = open.status()
    return {
      public_endpoint: sighting ? formatAddress(sighting.mapped) : '',
      nat_type: type,
      nat_reason: reason,
      stun_server: sighting ? formatAddress(sighting.server) : '',
      way,
      way_reason: why,
      local_endpoints: localEndpoints(options.interfaces(), { port, meshInterface }),
      checked_at: new Date(clock.now()).toISOString(),
    }
  }

  async function natType(of: string, servers: readonly Address[], signal: AbortSignal) {
    const isFresh = nat?.of === of && clock.now() - nat.atMs < measureEachMs
    if (nat && isFresh && nat.type !== 'unknown') return nat
    nat = { ...(await options.measure(servers, signal)), of, atMs: clock.now() }
    return nat
  }

  return { next, close, isOutdated: () => lookAround() !== addresses }
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
