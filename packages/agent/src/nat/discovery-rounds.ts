import { isUsableEndpoint, type NatType } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import { type Address, formatAddress } from '@plexd/runtime'
import { type Interfaces, localEndpoints, localPlace } from './local-addresses.ts'
import { unansweredNat } from './nat-type.ts'
import type { WireguardPort, WireguardPortStatus } from './stun/wireguard-port.ts'

/** Where this node can be reached, as far as it can find out itself. */
export interface DiscoveredEndpoint {
  /** WireGuard's port as the internet sees it; empty while no server outside this machine has answered. */
  public_endpoint: string
  nat_type: NatType
  /** The reason for `nat_type`. */
  nat_reason: string
  /** The server that reported `public_endpoint`. */
  stun_server: string
  /** How STUN requests are sent from WireGuard's port. */
  way: WireguardPortStatus['way']
  way_reason: string
  /** For peers in the same network. */
  local_endpoints: string[]
  /** RFC 3339. */
  checked_at: string
}

export interface RoundOptions {
  /** Called again whenever the host's addresses have changed. */
  openPort(): Promise<WireguardPort>
  listenPort: number
  meshInterface: string
  resolveServers(): Promise<Address[]>
  /** Measures the type of the NAT, on an unused port. */
  measure(
    servers: readonly Address[],
    signal: AbortSignal,
  ): Promise<{ type: NatType; reason: string }>
  interfaces(): Interfaces
  clock: Clock
}

/** Repeated discovery. Between rounds it keeps the open port, as long as the host's addresses stay the same, and the NAT's type. */
export interface Rounds {
  next(signal: AbortSignal): Promise<DiscoveredEndpoint>
  /** Whether the host's addresses have changed since the last round. */
  isOutdated(): boolean
  close(): Promise<void>
}

/** The type is measured again, because a host can end up behind another NAT while its own addresses stay the same. */
const measureEachMs = 3_600_000

export function createRounds(options: RoundOptions): Rounds {
  const { listenPort: port, meshInterface, clock } = options
  let addresses: string | undefined
  let open: WireguardPort | undefined
  let nat: { type: NatType; reason: string; of: string; atMs: number } | undefined

  function endpoints(): string[] {
    return localEndpoints(options.interfaces(), localPlace({ port, meshInterface }))
  }

  function lookAround(): string {
    return JSON.stringify(endpoints())
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
    const located = await open.locate(servers, signal)
    const sighting = located === 'silent' ? undefined : located
    const { type, reason } =
      located === 'silent'
        ? unansweredNat
        : await natType(sighting?.mapped.address ?? '', servers, signal)
    const { way, why } = open.status()
    const public_endpoint = sighting ? formatAddress(sighting.mapped) : ''
    return {
      // A server on this machine sees a loopback address.
      public_endpoint: isUsableEndpoint(public_endpoint) ? public_endpoint : '',
      nat_type: type,
      nat_reason: reason,
      stun_server: sighting ? formatAddress(sighting.server) : '',
      way,
      way_reason: why,
      local_endpoints: endpoints(),
      checked_at: new Date(clock.now()).toISOString(),
    }
  }

  async function natType(of: string, servers: readonly Address[], signal: AbortSignal) {
    const isFresh = nat?.of === of && clock.monotonic() - nat.atMs < measureEachMs
    if (nat && isFresh && nat.type !== 'unknown') return nat
    nat = { ...(await options.measure(servers, signal)), of, atMs: clock.monotonic() }
    return nat
  }

  return { next, close, isOutdated: () => lookAround() !== addresses }
}
