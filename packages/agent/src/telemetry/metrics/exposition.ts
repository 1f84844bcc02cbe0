import {
  formatExposition,
  type Metric,
  type MetricFamily,
  type MetricPoint,
  metrics,
  peerGroups,
  prometheusMetric,
} from '@plexd/protocol'

/** The last points of this node for Prometheus; `peerName` gives the hostname of a peer. Pure. */
export function expositionOf(
  points: readonly MetricPoint[],
  peerName: (id: string) => string | undefined,
): string {
  const byGroup = Map.groupBy(points, ({ group }) => group)
  return formatExposition(
    metrics.map((metric) => familyOf(metric, byGroup.get(metric.group) ?? [], peerName)),
  )
}

function familyOf(
  metric: Metric,
  points: readonly MetricPoint[],
  peerName: (id: string) => string | undefined,
): MetricFamily {
  const { name, scale } = prometheusMetric(metric)
  const samples = points.flatMap(({ peer_id, data }) => {
    const value = data[metric.field]
    if (typeof value !== 'number') return []
    const labels: Readonly<Record<string, string>> =
      peerGroups.has(metric.group) && peer_id !== undefined
        ? { peer_id, peer: peerName(peer_id) ?? '' }
        : {}
    return { labels, value: value * scale }
  })
  return { name, help: metric.help, type: metric.type, samples }
}
