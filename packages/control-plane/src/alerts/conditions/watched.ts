import type { ArrivedBatch } from '../../telemetry/store.ts'
import type { SeriesValue, WatchedKind } from './facts.ts'
import { createRestarts } from './restarts.ts'

/** What has to be watched to be known: counters that grow, records that come, and restarts. In memory. */
export interface Watched {
  follow(batch: Pick<ArrivedBatch, 'kind' | 'source' | 'received_at' | 'facts'>): void
  /** When it happened on a node, up to the hundred last. */
  arrivals(nodeId: string, kind: WatchedKind): readonly number[]
  /** Looks at the counters that a name in a rule means, and says when one was last seen to have grown. */
  grewAtMs(
    nodeId: string,
    counters: { name: string; values: readonly SeriesValue[]; nowMs: number },
  ): number | undefined
  forget(nodeId: string): void
}

interface Counter {
  value: number
  grewAtMs: number | undefined
}

const keptArrivals = 100
/** Names in rules whose counters are known of a node: five times as many as a tenant may have rules by default. Those of rules that are gone give way. */
const keptNames = 1_000

export function createWatched(): Watched {
  const arrivals = new Map<string, Map<WatchedKind, number[]>>()
  const counters = new Map<string, Map<string, Map<string, Counter>>>()
  const restarts = createRestarts()

  function arrive(nodeId: string, kind: WatchedKind, times: readonly number[]): void {
    if (times.length === 0) return
    const byKind = arrivals.getOrInsertComputed(nodeId, () => new Map())
    byKind.set(kind, [...(byKind.get(kind) ?? []), ...times].slice(-keptArrivals))
  }

  return {
    follow({ kind, source: { node_id }, received_at, facts }) {
      if (kind === 'drift' || kind === 'violations')
        arrive(
          node_id,
          kind,
          facts.map(() => received_at),
        )
      if (kind === 'metrics')
        arrive(node_id, 'restarts', restarts.take(node_id, facts, received_at))
    },
    arrivals: (nodeId, kind) => arrivals.get(nodeId)?.get(kind) ?? [],
    grewAtMs(nodeId, { name, values, nowMs }) {
      const own = counters.getOrInsertComputed(nodeId, () => new Map())
      const before = own.get(name)
      const after = new Map(
        values.map((one) => [one.series, counterOf(before?.get(one.series), one, nowMs)]),
      )
      own.delete(name) // so that it is the last, and the first is that which nobody has asked for longest
      own.set(name, after)
      for (const [oldest] of own) if (own.size > keptNames) own.delete(oldest)
      const times = Array.from(after.values(), ({ grewAtMs }) => grewAtMs ?? 0)
      return Math.max(0, ...times) || undefined
    },
    forget(nodeId) {
      arrivals.delete(nodeId)
      counters.delete(nodeId)
      restarts.forget(nodeId)
    },
  }
}

function counterOf(before: Counter | undefined, { value }: SeriesValue, nowMs: number): Counter {
  const grew = before !== undefined && hasGrown(before.value, value)
  return { value, grewAtMs: grew ? nowMs : before?.grewAtMs }
}

/** One that is smaller than before was started anew, and has counted since. */
function hasGrown(before: number, now: number): boolean {
  return now > before || (now < before && now > 0)
}
