import type { Address } from '@plexd/runtime'
import { type Clock, describeError, ExecError, exec, type Log, openUdpSocket } from '@plexd/runtime'
import { parseCounters } from '../firewall/counters.ts'
import { askInTurn, type Sighting } from './ask-in-turn.ts'
import { createStunClient } from './stun-client.ts'
import { emptyText, rewriteText, type StunPorts, translateText } from './stun-rules.ts'

/** Asks from where the port that WireGuard holds is seen, and from nowhere else. */
export interface WireguardPort extends AsyncDisposable {
  /** Undefined when no server answers, or when there is no way to speak from that port. */
  locate(servers: readonly Address[], signal?: AbortSignal): Promise<Sighting | undefined>
  /** How it is done, and why that way. */
  status(): WireguardPortStatus
}

export interface WireguardPortStatus {
  /**
   * `rewrite`: nftables rewrites the port of STUN messages; `translate`: it translates the port of our socket;
   * `direct`: WireGuard does not have the port yet, so that we can; `none`: none of these works.
   */
  way: Way | 'direct' | 'none'
  why: string
}

type Way = 'rewrite' | 'translate'

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
 * so nobody is told the address of another port after somebody has flushed the packet filter.
 */
export async function openWireguardPort(options: WireguardPortOptions): Promise<WireguardPort> {
  const { port, clock, log, onWrite = () => {} } = options
  const socket = await openUdpSocket()
  const client = createStunClient({ socket, clock })
  const ports = { wireguardPort: port, stunPort: socket.port, userId: process.getuid?.() ?? 0 }
  const failures = new Map<Way, string>()
  let status: WireguardPortStatus = { way: 'none', why: 'not tried yet' }
  let loaded: Way | undefined

  async function locate(servers: readonly Address[], signal?: AbortSignal) {
    for (const way of ways) {
      if (failures.has(way)) continue
      const outcome = await tryWay(way, servers, signal)
      if (typeof outcome !== 'string') {
        status = { way, why: [...failures.values(), workingBecause[way]].join('; ') }
        return outcome
      }
      if (outcome === silence && !(await isAnswered(servers, signal))) {
        status = { way, why: 'no STUN server answers, on any port: not proven yet' }
        return undefined
      }
      log.warn('STUN from the WireGuard port does not work this way', { way, error: outcome })
      failures.set(way, `${way} does not work: ${outcome}`)
    }
    return locateDirectly(servers, signal)
  }

  /** Where the port is seen, or why this way is none. */
  async function tryWay(way: Way, servers: readonly Address[], signal: AbortSignal | undefined) {
    try {
      let before = loaded === way ? await count() : undefined
      if (before === undefined) {
        await load(way)
        before = 0
      }
      const sighting = await askInTurn(servers, client, signal)
      if (sighting === undefined) return silence
      const after = (await count()) ?? 0
      // A translator elsewhere may give any port; that of our own socket shows that ours did nothing.
      if (after > before && sighting.mapped.port !== socket.port) return sighting
      return 'its rules are not met by what is sent'
    } catch (error) {
      signal?.throwIfAborted()
      return describeError(error)
    }
  }

  async function load(way: Way): Promise<void> {
    loaded = undefined
    await exec(['nft', '-f', '-'], { input: texts[way](ports), onSpawn: onWrite })
    loaded = way
  }

  /** What has gone out by the rules; undefined when they are gone. */
  async function count(): Promise<number | undefined> {
    try {
      const json = await exec(['nft', '-j', 'list', 'table', 'inet', 'plexd_stun'])
      return parseCounters(json).get('out')?.packets
    } catch (error) {
      if (error instanceof ExecError && error.exitCode !== undefined) return undefined
      throw error
    }
  }

  /** Whether a port like any other gets an answer. */
  async function isAnswered(servers: readonly Address[], signal?: AbortSignal): Promise<boolean> {
    await using plain = await openUdpSocket()
    const plainClient = createStunClient({ socket: plain, clock })
    return (await askInTurn(servers, plainClient, signal)) !== undefined
  }

  async function locateDirectly(servers: readonly Address[], signal?: AbortSignal) {
    const reasons = [...failures.values()].join('; ')
    try {
      await using taken = await openUdpSocket(port)
      status = { way: 'direct', why: `${reasons}; WireGuard has not taken the port yet` }
      return await askInTurn(servers, createStunClient({ socket: taken, clock }), signal)
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

/** Also those that a killed daemon has left behind; that there are none is no failure. */
export async function removeStunRules(onWrite?: (processId: number) => void): Promise<void> {
  await exec(['nft', '-f', '-'], { input: emptyText, ...(onWrite && { onSpawn: onWrite }) })
}

const ways: readonly Way[] = ['rewrite', 'translate']
const texts: Record<Way, (ports: StunPorts) => string> = {
  rewrite: rewriteText,
  translate: translateText,
}
const workingBecause: Record<Way, string> = {
  rewrite: 'nftables rewrites the port of STUN messages, as its counters show',
  translate: 'nftables translates the port of STUN messages, as its counters show',
}
const silence = 'no answer comes through it, while another port gets one'
