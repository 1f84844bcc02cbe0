import type { IdentityInUse } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'

/** A start of plexd that speaks as a node. Times in milliseconds of the monotonic clock. */
export interface Instance {
  id: string
  /** Where its last request came from. */
  address: string
  firstMs: number
  lastMs: number
  /** When it was first heard of again although a newer one had been. */
  returnedMs?: number
}

/** What is late of a daemon that has just ended comes within this time after the first word of the next. */
const settleMs = 5_000
/** Those of a daemon that is started over and over. */
const maxInstances = 8

/**
 * Those that speak as one node, in the order of their first word, after another word of one of them. Pure. A restart
 * shows a new one, and the one before never again.
 */
export function withWord(
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

/** Two that both live: an older one has come back, and a newer one has been heard of since. Pure. */
export function bothAlive(instances: readonly Instance[]): [Instance, Instance] | undefined {
  for (const [at, older] of instances.entries()) {
    const { returnedMs } = older
    const newer = instances
      .slice(at + 1)
      .find(({ lastMs }) => returnedMs !== undefined && lastMs > returnedMs)
    if (newer) return [older, newer]
  }
  return undefined
}

/** Notices nodes whose identity two machines have: a data dir, or a disk, was copied. In memory, and for as long as both live. */
export interface Instances {
  /** A node was heard of. Without an id, as from the Go agent, nothing is said of it. */
  heard(no: number, word: { id: string | undefined; address: string }): void
  /** Whether two machines speak as this node. */
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
  /** Once for each time that it begins. */
  onClone: (no: number, use: IdentityInUse) => void
}): Instances {
  const nodes = new Map<number, Known>()
  /** One that misses three heartbeats is gone. */
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
  /** Since when two of them live. */
  since: string | undefined
}
