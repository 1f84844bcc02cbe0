import type { LatestValue } from '../telemetry/latest/latest.ts'
import type { ArrivedBatch } from '../telemetry/store.ts'

/** What has to be watched to be known: counters that grow, and records that come. In memory. */
export interface Watched {
  follow(batch: ArrivedBatch): void
  /** When records of a kind came from a node, up to the hundred last. */
  arrivals(nodeId: string, kind: 'drift' | 'violations'): readonly number[]
  /** Looks at a counter, and says when it was last seen to have grown. */
  grewAtMs(
    nodeId: string,
    counter: { name: string; latest: LatestValue | undefined; nowMs: number },
  ): number | undefined
  forget(nodeId: string): void
}

const keptArrivals = 100

export function createWatched(): Watched {
  const arrivals = new Map<string, Map<string, number[]>>()
  const counters = new Map<string, Map<string, { value: number; grewAtMs: number | undefined }>>()

  return {
    follow({ kind, source, received_at, records }) {
      if (kind !== 'drift' && kind !== 'violations') return
      const byKind = arrivals.getOrInsertComputed(source.node_id, () => new Map())
      const times = [...(byKind.get(kind) ?? []), ...records.map(() => received_at)]
      byKind.set(kind, times.slice(-keptArrivals))
    },
    arrivals: (nodeId, kind) => arrivals.get(nodeId)?.get(kind) ?? [],
    grewAtMs(nodeId, { name, latest, nowMs }) {
      if (!latest) return undefined
      const own = counters.getOrInsertComputed(nodeId, () => new Map())
      const before = own.get(name)
      const grewAtMs = before && hasGrown(before.value, latest.value) ? nowMs : before?.grewAtMs
      own.set(name, { value: latest.value, grewAtMs })
      return grewAtMs
    },
    forget(nodeId) {
      arrivals.delete(nodeId)
      counters.delete(nodeId)
    },
  }
}

/** One that is smaller than before was started anew, and has counted since. */
function hasGrown(before: number, now: number): boolean {
  return now > before || (now < before && now > 0)
}
