import {
  adminApi,
  expositionType,
  formatExposition,
  type MetricFamily,
  metrics,
  prometheusMetric,
} from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import type { Latest } from '../../telemetry/latest/latest.ts'

/** With a token, unlike /metrics, because it names nodes: those of the operator's tenant. */
export const nodeMetrics = handle(
  adminApi.nodeMetrics,
  async ({ principal, reply }, app: State & SideStores & Environment) => {
    const families = nodeFamilies(Array.from(app.fleet.nodes(principal.tenant_id)), {
      latest: app.latest,
      nowMs: app.clock.now(),
      maxSamples: app.config.limits.node_metrics_samples,
    })
    reply.type(expositionType)
    return formatExposition(families)
  },
)

/** As long as Prometheus takes a value for the current one. */
const freshMs = 5 * 60_000

interface FamilyOptions {
  latest: Pick<Latest, 'allOf'>
  nowMs: number
  maxSamples: number
}

/** Pure. Values older than five minutes are left out, and so are nodes that would exceed the limit. */
export function nodeFamilies(
  nodes: readonly NodeRecord[],
  { latest, nowMs, maxSamples }: FamilyOptions,
): MetricFamily[] {
  const up: MetricFamily = {
    name: 'plexd_node_up',
    help: 'Whether the node reports: 1 if it is online',
    type: 'gauge',
    samples: [],
  }
  const families = new Map(
    metrics.map((metric) => {
      const { name, scale } = prometheusMetric(metric)
      const { help, type } = metric
      return [metric.name, { scale, family: { name, help, type, samples: [] as Sample[] } }]
    }),
  )
  const ups: Sample[] = []
  let count = 0
  let leftOut = 0
  for (const { id, hostname, status } of nodes) {
    const values = [...latest.allOf(id)].filter(([, { atMs }]) => nowMs - atMs <= freshMs)
    if (count + values.length + 1 > maxSamples) {
      leftOut++
      continue
    }
    count += values.length + 1
    const labels = { node: hostname, node_id: id }
    ups.push({ labels, value: Number(status === 'online') })
    for (const [name, { value }] of values) {
      const { family, scale = 1 } = families.get(name) ?? {}
      family?.samples.push({ labels, value: value * scale })
    }
  }
  return [
    { ...up, samples: ups },
    ...Array.from(families.values(), ({ family }) => family),
    {
      name: 'plexd_nodes_left_out',
      help: 'Nodes that are not in this answer, which the limit node_metrics_samples bounds',
      type: 'gauge',
      samples: [{ value: leftOut }],
    },
  ]
}

type Sample = MetricFamily['samples'][number]
