import type { Address } from '@plexd/runtime'
import { type Clock, describeError, ExecError, exec, type Log, openUdpSocket } from '@plexd/runtime'
import { parseCounters } from '../firewall/nft/counters.ts'
import { askSoonest, type Sighting } from './ask-servers.ts'
import { createStunClient } from './stun-client.ts'
import { emptyText, parseRuleName, ruleName, tableText, type Way, ways } from './stun-rules.ts'

/** Asks from where the port that WireGuard holds is seen, and from nowhere else. */
export interface WireguardPort extends AsyncDisposable {
  /** `silent` when no server answers on any port, undefined when there is no way to speak from that one. */
  locate(
    servers: readonly Address[],
    signal?: AbortSignal,
  ): Promise<Sighting | 'silent' | undefined>
  /** How it is done, and why that way. */
  status(): WireguardPortStatus
}

export interface WireguardPortStatus {
  /**
   * `direct`: WireGuard does not have the port yet, so that we can; `none`: none of these works.
   */
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
 * Opens the way to WireGuard's port: by rewriting where that works, else by translation, else by taking the port
 * itself before WireGuard does. Whether a way works is seen by the counters of its rules and by the answer, each time:
 * so nobody is told the address of another port after somebody has flushed the packet filter. Rules that a killed daemon
 * has left are used again, with the port that they are for: a start where nothing changed writes nothing.
 */
export async function openWireguardPort(options: WireguardPortOptions): Promise<WireguardPort> {
  const { port, clock, log, onWrite = () => {} } = options
  const left = await findRules(port)
  const socket = await openUdpSocket(left?.stunPort).catch(() => openUdpSocket()) // somebody has that port now
  const client = createStunClient({ socket, clock })
  const ports = { wireguardPort: port, stunPort: socket.port, userId: ownUserId() }
  const failures = new Map<Way, string>()
  let status: WireguardPortStatus = { way: 'none', why: 'not tried yet' }
  let loaded = left?.stunPort === socket.port ? left.way : undefined

  async function locate(servers: readonly Address[], signal?: AbortSignal) {
    for (const way of new Set(loaded ? [loaded, ...ways] : ways)) {
      if (failures.has(way)) continue
      const outcome = await tryWay(way, servers, signal)
      if (typeof outcome !== 'string') {
        status = { way, why: [...failures.values(), workingBecause[way]].join('; ') }
        return outcome
      }
      if (outcome === silence && !(await isAnswered(servers, signal))) {
        status = { way, why: 'no STUN server answers, on any port: not proven yet' }
        return 'silent'
      }
      log.warn('STUN from the WireGuard port does not work this way', { way, error: outcome })
      failures.set(way, `${way} does not work: ${outcome}`)
    }
    return locateDirectly(servers, signal)
  }

  /** Where the port is seen, or why this way is none. */
  async function tryWay(way: Way, servers: readonly Address[], signal: AbortSignal | undefined) {
    try {
      const before = loaded === way ? await count(way) : undefined
      if (before !== undefined) {
        const outcome = await ask(way, before, servers, signal)
        // Rules of the right name that do something else: somebody has changed them.
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
    const sighting = await askSoonest(servers, client, { clock, signal })
    if (sighting === undefined) return silence
    const after = (await count(way)) ?? 0
    // A translator elsewhere may give any port; that of our own socket shows that ours did nothing.
    return after > before && sighting.mapped.port !== socket.port ? sighting : unmet
  }

  async function load(way: Way): Promise<void> {
    loaded = undefined
    await exec(['nft', '-f', '-'], { input: tableText(way, ports), onSpawn: onWrite })
    loaded = way
  }

  /** What has gone out by the rules; undefined when they are gone. */
  async function count(way: Way): Promise<number | undefined> {
    return (await readCounters()).get(ruleName(way, ports))?.packets
  }

  /** Whether a port like any other gets an answer. */
  async function isAnswered(servers: readonly Address[], signal?: AbortSignal): Promise<boolean> {
    await using plain = await openUdpSocket()
    const plainClient = createStunClient({ socket: plain, clock })
    return (await askSoonest(servers, plainClient, { clock, signal })) !== undefined
  }

  async function locateDirectly(servers: readonly Address[], signal?: AbortSignal) {
    const reasons = [...failures.values()].join('; ')
    try {
      await using taken = await openUdpSocket(port)
      status = { way: 'direct', why: `${reasons}; WireGuard has not taken the port yet` }
      const takenClient = createStunClient({ socket: taken, clock })
      return await askSoonest(servers, takenClient, { clock, signal })
    } catch (error) {
      signal?.throwIfAborted()
      status = { way: 'none', why: `${reasons}; the port itself is in use` }
      // What is missing now may be there the next time.
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

/** Also those that a killed daemon has left behind; that there are none, or no nft, is no failure. */
export async function removeStunRules(onWrite?: (processId: number) => void): Promise<void> {
  try {
    await exec(['nft', '-f', '-'], { input: emptyText, ...(onWrite && { onSpawn: onWrite }) })
  } catch (error) {
    if (!(error instanceof ExecError && error.missing)) throw error
  }
}

/** What another daemon for this port has left, if anything. */
async function findRules(
  wireguardPort: number,
): Promise<{ way: Way; stunPort: number } | undefined> {
  const counters = await readCounters().catch(() => new Map<string, unknown>()) // without nft there are none
  for (const { way, ports } of [...counters.keys()].flatMap((name) => parseRuleName(name) ?? []))
    if (ports.wireguardPort === wireguardPort && ports.userId === ownUserId())
      return { way, stunPort: ports.stunPort }
  return undefined
}

/** By the names of the rules; none when there is no table. */
async function readCounters(): Promise<ReturnType<typeof parseCounters>> {
  try {
    return parseCounters(await exec(['nft', '-j', 'list', 'table', 'inet', 'plexd_stun']))
  } catch (error) {
    if (error instanceof ExecError && error.exitCode !== undefined) return new Map()
    throw error
  }
}

function ownUserId(): number {
  return process.getuid?.() ?? 0
}

const workingBecause: Record<Way, string> = {
  rewrite: 'nftables rewrites the port of STUN messages, as its counters show',
  translate: 'nftables translates the port of STUN messages, as its counters show',
}
const silence = 'no answer comes through it, while another port gets one'
const unmet = 'its rules are not met by what is sent'
