import {
  type Address,
  type Clock,
  describeError,
  exec,
  type Log,
  openUdpSocket,
} from '@plexd/runtime'
import { askSoonest, type Sighting } from './ask-servers.ts'
import { createStunClient } from './stun-client.ts'
import { ruleName, tableText, type Way, ways } from './stun-rules.ts'
import { findRules, ownUserId, readCounters, removeStunRules } from './stun-table.ts'

/** Finds the public endpoint of the port that WireGuard holds. */
export interface WireguardPort extends AsyncDisposable {
  /** `silent` if no server answers on any port, undefined if there is no way to send from WireGuard's. */
  locate(
    servers: readonly Address[],
    signal?: AbortSignal,
  ): Promise<Sighting | 'silent' | undefined>
  status(): WireguardPortStatus
}

export interface WireguardPortStatus {
  /** `direct`: WireGuard does not have the port yet, so we can take it; `none`: nothing works. */
  way: Way | 'direct' | 'none'
  why: string
}

export interface WireguardPortOptions {
  port: number
  clock: Clock
  log: Log
  /** Called with the id of each process that writes the packet filter. */
  onWrite?: (processId: number) => void
}

/**
 * Sends STUN requests from WireGuard's port: by rewriting packets, else by translation, else by taking the port
 * before WireGuard does. The counters of the rules and the answer show each time whether it works, so that the endpoint
 * of another port is never reported after somebody has flushed the packet filter. Rules left by a killed daemon
 * are used again with their port: a start where nothing changed writes nothing.
 */
export async function openWireguardPort(options: WireguardPortOptions): Promise<WireguardPort> {
  const { port, clock, log, onWrite = () => {} } = options
  const left = await findRules(port)
  const socket = await openUdpSocket(left?.stunPort).catch(() => openUdpSocket()) // another program has that port now
  const client = createStunClient({ socket, clock })
  const ports = { wireguardPort: port, stunPort: socket.port, userId: ownUserId() }
  const failures = new Map<Way, string>()
  let status: WireguardPortStatus = { way: 'none', why: 'not tried yet' }
  let loaded = left?.stunPort === socket.port ? left.way : undefined
  /** What the rules had counted when they were proven last: while nothing is sent they count nothing. */
  let proven: number | undefined

  async function locate(servers: readonly Address[], signal?: AbortSignal) {
    for (const way of new Set(loaded ? [loaded, ...ways] : ways)) {
      if (failures.has(way)) continue
      const outcome = await tryWay(way, servers, signal)
      if (typeof outcome !== 'string') {
        status = { way, why: [...failures.values(), workingBecause[way]].join('; ') }
        return outcome
      }
      if (outcome === silence && !(await askFrom(undefined, servers, signal))) {
        status = { way, why: 'no STUN server answers, on any port: not proven yet' }
        return 'silent'
      }
      log.warn('STUN from the WireGuard port does not work this way', { way, error: outcome })
      failures.set(way, `${way} does not work: ${outcome}`)
    }
    return locateDirectly(servers, signal)
  }

  /** The sighting, or why this way does not work. */
  async function tryWay(way: Way, servers: readonly Address[], signal: AbortSignal | undefined) {
    try {
      const before = loaded === way ? (proven ?? (await count(way))) : undefined
      if (before !== undefined) {
        const outcome = await ask(way, before, servers, signal)
        // Otherwise the rules have been changed by another program.
        if (outcome !== unmet) return outcome
      }
      await load(way)
      return await ask(way, 0, servers, signal)
    } catch (error) {
      signal?.throwIfAborted()
      return describeError(error)
    }
  }

  async function ask(
    way: Way,
    before: number,
    servers: readonly Address[],
    signal: AbortSignal | undefined,
  ): Promise<Sighting | string> {
    proven = undefined
    const sighting = await askSoonest(servers, client, { clock, signal })
    if (sighting === undefined) return silence
    const after = (await count(way)) ?? 0
    // A NAT elsewhere may map to any port, but the port of our own socket shows that our rules did nothing.
    if (after <= before || sighting.mapped.port === socket.port) return unmet
    proven = after
    return sighting
  }

  async function load(way: Way): Promise<void> {
    loaded = undefined
    await exec(['nft', '-f', '-'], { input: tableText(way, ports), onSpawn: onWrite })
    loaded = way
  }

  /** The packets counted by the rules; undefined if they are gone. */
  async function count(way: Way): Promise<number | undefined> {
    return (await readCounters()).get(ruleName(way, ports))?.packets
  }

  /** Without rules: from this port, or from any. */
  async function askFrom(
    from: number | undefined,
    servers: readonly Address[],
    signal: AbortSignal | undefined,
  ): Promise<Sighting | undefined> {
    await using plain = await openUdpSocket(from)
    return await askSoonest(servers, createStunClient({ socket: plain, clock }), { clock, signal })
  }

  async function locateDirectly(servers: readonly Address[], signal?: AbortSignal) {
    const reasons = [...failures.values()].join('; ')
    try {
      const sighting = await askFrom(port, servers, signal)
      status = { way: 'direct', why: `${reasons}; WireGuard has not taken the port yet` }
      return sighting
    } catch (error) {
      signal?.throwIfAborted()
      status = { way: 'none', why: `${reasons}; the port itself is in use` }
      // What fails now may work the next time.
      failures.clear()
      log.warn('public endpoint cannot be found', { error: describeError(error) })
      return undefined
    }
  }

  return {
    locate,
    status: () => status,
    async [Symbol.asyncDispose]() {
      await socket[Symbol.asyncDispose]()
      if (loaded === undefined) return
      await removeStunRules(onWrite).catch((error: unknown) =>
        log.warn('STUN rules cannot be removed', { error }),
      )
    },
  }
}

const workingBecause: Record<Way, string> = {
  rewrite: 'nftables rewrites the port of STUN messages, as its counters show',
  translate: 'nftables translates the port of STUN messages, as its counters show',
}
const silence = 'no answer comes through it, while another port gets one'
const unmet = 'its rules are not met by what is sent'
