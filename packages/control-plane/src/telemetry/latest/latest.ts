import { type Metric, type MetricPoint, metrics, metricValues, peerGroups } from '@plexd/protocol'
import type { ArrivedBatch } from '../store.ts'

/** The last value of a metric of one node. */
export interface LatestValue {
  value: number
  /** When it was measured, by the clock of the node, but never later than it came. */
  atMs: number
}

/**
 * The last values of all nodes, in memory: of each metric in the table, under its name (`node_resources.cpu_percent`). Of one that each
 * peer has, the worst of the last minute: the largest.
 */
export interface Latest {
  of(nodeId: string, metric: string): LatestValue | undefined
  /** All of one node, by name. */
  allOf(nodeId: string): ReadonlyMap<string, LatestValue>
  follow(batch: Omit<ArrivedBatch, 'facts'>): void
  /** The node is gone. */
  forget(nodeId: string): void
}

/** Of the metrics of peers a node sends one point each, at one time. */
const sameRoundMs = 60_000

const known: ReadonlyMap<string, Metric> = new Map(metrics.map((metric) => [metric.name, metric]))
const none: ReadonlyMap<string, LatestValue> = new Map()

export function createLatest(): Latest {
  const nodes = new Map<string, Map<string, LatestValue>>()

  function take(values: Map<string, LatestValue>, record: string, arrivedMs: number): void {
    const point = metricValues(JSON.parse(record) as MetricPoint) // checked when it came
    if (!point) return
    const atMs = Math.min(point.atMs, arrivedMs)
    for (const [field, value] of Object.entries(point.values)) {
      const metric = known.get(`${point.group}.${field}`)
      if (!metric) continue
      const before = values.get(metric.name)
      if (before === undefined || isNews(metric, before, { value, atMs }))
        values.set(metric.name, { value, atMs })
    }
  }

  return {
    of: (nodeId, metric) => nodes.get(nodeId)?.get(metric),
    allOf: (nodeId) => nodes.get(nodeId) ?? none,
    follow({ kind, source, received_at, records }) {
      if (kind !== 'metrics') return
      const values = nodes.getOrInsertComputed(source.node_id, () => new Map())
      for (const record of records) take(values, record, received_at)
    },
    forget: (nodeId) => void nodes.delete(nodeId),
  }
}

/** Batches may come late and in any order. */
function isNews({ group }: Metric, before: LatestValue, now: LatestValue): boolean {
  if (!peerGroups.has(group)) return now.atMs >= before.atMs
  if (now.atMs - before.atMs > sameRoundMs) return true
  return now.value > before.value && before.atMs - now.atMs < sameRoundMs
}
