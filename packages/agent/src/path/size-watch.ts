import { formatNode } from '@plexd/protocol'
import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import { startTask } from '../process/task.ts'
import type { PingSocket } from './ping-socket.ts'
import { type PathSize, probeSizes } from './size-probe.ts'

/** A peer with a session. */
export interface NearPeer {
  id: string
  hostname?: string
  mesh_ip: string
}

export interface SizeWatchOptions {
  /** The peers that can be probed now. */
  connected(): Promise<readonly NearPeer[]>
  /** If it rejects, nothing is probed. */
  open(): Promise<PingSocket>
  mtu: number
  problems: Problems
  clock: Clock
  log: Log
}

export interface SizeWatch extends AsyncDisposable {
  /** Paths have changed: all peers are probed again. */
  forget(): void
  /** Undefined unless only small packets reach the peer. */
  largestTo(id: string): number | undefined
}

/** Peers probed at a time; each again after an hour, or sooner if something was wrong. */
const atOnce = 32
const againMs = 3_600_000
const soonAgainMs = 300_000

/**
 * Finds peers that only small packets reach: without ICMP "fragmentation needed", connections to them hang. Costs one
 * socket, open for a second or two, and a few packets per peer each hour.
 */
export function startSizeWatch(options: SizeWatchOptions): SizeWatch {
  const { connected, open, mtu, problems, clock, log } = options
  const backoff = createBackoff({ minMs: 2_000, maxMs: 60_000 })
  let seen = new Map<string, { size: PathSize; atMs: number }>()

  async function look(signal: AbortSignal): Promise<void> {
    const near = await connected()
    const nowMs = clock.monotonic()
    for (const [id, { atMs }] of seen) if (nowMs - atMs >= againMs) seen.delete(id)
    const due = near.filter(({ id }) => isDue(seen.get(id), nowMs)).slice(0, atOnce)
    if (due.length > 0) await probe(due, signal)
    problems.set(
      'mtu',
      describeCut(near, (id) => seen.get(id)?.size, mtu),
    )
  }

  async function probe(due: readonly NearPeer[], signal: AbortSignal): Promise<void> {
    const socket = await open()
    try {
      const addresses = due.map(({ mesh_ip }) => mesh_ip)
      const sizes = await probeSizes(socket, addresses, { mtu, clock, signal })
      for (const { id, mesh_ip } of due)
        seen.set(id, { size: sizes.get(mesh_ip) ?? 'unknown', atMs: clock.monotonic() })
    } finally {
      socket.close()
    }
  }

  const task = startTask(async (signal) => {
    for (;;) {
      await clock.sleep(backoff.nextMs(), signal)
      try {
        await look(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.debug('sizes of packets cannot be probed', { error: describeError(error) })
      }
    }
  })
  return {
    largestTo(id) {
      const size = seen.get(id)?.size
      return typeof size === 'number' ? size : undefined
    },
    forget() {
      seen = new Map()
      backoff.reset()
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

function isDue(last: { size: PathSize; atMs: number } | undefined, nowMs: number): boolean {
  if (!last) return true
  return nowMs - last.atMs >= (typeof last.size === 'number' ? soonAgainMs : againMs)
}

/** The problem and its remedy; undefined if large packets reach all peers that answer small ones. Pure. */
export function describeCut(
  peers: readonly NearPeer[],
  sizeOf: (id: string) => PathSize | undefined,
  mtu: number,
): string | undefined {
  const cut = peers.flatMap((peer) => {
    const size = sizeOf(peer.id)
    return typeof size === 'number' ? [{ ...peer, size }] : []
  })
  const [first] = cut
  if (!first) return undefined
  const smallest = Math.min(...cut.map(({ size }) => size))
  const more = cut.length === 1 ? '' : `, and ${cut.length - 1} more`
  return `packets of ${mtu} bytes do not reach peer ${formatNode(first.id, first.hostname)}, ${first.mesh_ip}${more}, while those of ${smallest} do, and no ICMP tells of it: set "mesh.mtu: ${smallest}" in the config on both sides, or let ICMP "fragmentation needed" pass`
}
