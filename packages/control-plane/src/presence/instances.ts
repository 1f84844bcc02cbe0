import type { IdentityInUse } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'

/** A running plexd that uses a node's identity. Times in milliseconds of the monotonic clock. */
export interface Instance {
  id: string
  /** The source address of its last request. */
  address: string
  firstMs: number
  lastMs: number
  /** When it was first seen again after a newer one had appeared. */
  returnedMs?: number
}

/** Late requests of a daemon that has just ended arrive within this time after the first request of its successor. */
const settleMs = 5_000
/** The maximum number kept, for a daemon that restarts in a loop. */
const maxInstances = 8

/**
 * The instances of a node, in order of their first request, after a request of one of them. Pure. A restart
 * shows a new id, and the previous one never appears again.
 */
function withWord(
  instances: readonly Instance[],
  { id, address, atMs }: { id: string; address: string; atMs: number },
): Instance[] {
  const at = instances.findIndex((one) => one.id === id)
  const known = instances[at]
  if (!known) {
    const added = [...instances, { id, address, firstMs: atMs, lastMs: atMs }]
    return added.slice(-maxInstances)
  }
  const next = instances[at + 1]
  const returns = next !== undefined && atMs >= next.firstMs + settleMs
  const returnedMs = known.returnedMs ?? (returns ? atMs : undefined)
  return instances.with(at, {
    ...known,
    address,
    lastMs: atMs,
    ...(returnedMs === undefined ? {} : { returnedMs }),
  })
}

/** Two instances that are both alive: an older one has come back, and a newer one has been seen since. Pure. */
function bothAlive(instances: readonly Instance[]): [Instance, Instance] | undefined {
  for (const [at, older] of instances.entries()) {
    const { returnedMs } = older
    const newer = instances
      .slice(at + 1)
      .find(({ lastMs }) => returnedMs !== undefined && lastMs > returnedMs)
    if (newer) return [older, newer]
  }
  return undefined
}

/** Detects two machines with one identity, after a data dir or a disk was copied. In memory, for as long as both are alive. */
export interface Instances {
  /** A request of the node arrived. Without an instance id, as from the Go agent, it is ignored. */
  heard(no: number, word: { id: string | undefined; address: string }): void
  /** Whether two machines use this node's identity. */
  inUse(no: number): IdentityInUse | undefined
  forget(no: number): void
}

export function createInstances({
  clock,
  heartbeatIntervalMs,
  onClone,
}: {
  clock: Clock
  heartbeatIntervalMs: number
  /** Logs once each time it begins. */
  onClone: (no: number, use: IdentityInUse) => void
}): Instances {
  const nodes = new Map<number, Known>()
  /** An instance that misses three heartbeats is gone. */
  const goneMs = Math.max(3 * heartbeatIntervalMs, 30_000)

  function aliveOf({ instances }: Known): Instance[] {
    const nowMs = clock.monotonic()
    return instances.filter(({ lastMs }) => nowMs - lastMs < goneMs)
  }

  function useOf(node: Known, alive: readonly Instance[]): IdentityInUse | undefined {
    node.instances = alive
    const both = bothAlive(alive)
    if (!both) {
      node.since = undefined
      return undefined
    }
    node.since ??= new Date(clock.now()).toISOString()
    return { since: node.since, addresses: both.map(({ address }) => address) }
  }

  return {
    heard(no, { id, address }) {
      if (id === undefined) return
      const node = nodes.getOrInsertComputed(no, () => ({ instances: [], since: undefined }))
      const isKnown = node.since !== undefined
      const word = { id, address, atMs: clock.monotonic() }
      const use = useOf(node, withWord(aliveOf(node), word))
      if (use && !isKnown) onClone(no, use)
    },
    inUse(no) {
      const node = nodes.get(no)
      return node && useOf(node, aliveOf(node))
    },
    forget: (no) => void nodes.delete(no),
  }
}

interface Known {
  instances: readonly Instance[]
  /** Since when two of them are alive. */
  since: string | undefined
}
