import { type Static, Type } from 'typebox'
import { mapOf, NodeId, nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { type MetricGroup, metricGroups } from '../telemetry/metrics.ts'
import { NodeHostname, NodeStatus } from './node.ts'

const measured = {
  measured_at: nullable(Timestamp, { description: 'Null for one that has sent nothing of late' }),
  stale: Type.Boolean({ description: 'Whether that is too long ago to say anything of now' }),
}

/** The metrics of a group by their fields, null where there is no value. */
function fieldsOf<const Group extends MetricGroup>(group: Group) {
  const rows = Object.entries(metricGroups[group]).map(([field, { help }]) => [
    field,
    nullable(Type.Number(), { description: help }),
  ])
  return Object.fromEntries(rows) as Record<
    keyof (typeof metricGroups)[Group],
    ReturnType<typeof nullable<ReturnType<typeof Type.Number>>>
  > // the keys of the table
}

/** The last values of what a node measures of its machine. */
export const NodeUsage = Type.Object({
  node_id: NodeId,
  node_hostname: NodeHostname,
  status: NodeStatus,
  ...measured,
  ...fieldsOf('node_resources'),
})
export type NodeUsage = Static<typeof NodeUsage>

/** The same of what it measures of a peer. */
export const PeerUsage = Type.Object({
  peer_id: Type.String(),
  peer_hostname: NodeHostname,
  ...measured,
  ...fieldsOf('tunnel_health'),
  ...fieldsOf('peer_latency'),
})
export type PeerUsage = Static<typeof PeerUsage>

export const seriesAggregates = ['avg', 'min', 'max', 'last'] as const
export type SeriesAggregate = (typeof seriesAggregates)[number]

/** A metric over time: one series for each node, for each peer of a node, or for each combination of labels. */
export const MetricSeries = Type.Object({
  name: Type.String({ examples: ['node_resources.cpu_percent'] }),
  unit: Type.String({ examples: ['percent', 'bytes per second'] }),
  help: Type.String(),
  agg: Type.Enum([...seriesAggregates]),
  step_seconds: WholeNumber,
  series: Type.Array(
    Type.Object({
      node_id: NodeId,
      node_hostname: NodeHostname,
      peer_id: nullable(Type.String()),
      peer_hostname: nullable(NodeHostname),
      labels: mapOf(Type.String(), { description: 'Of a metric of a program; empty for others' }),
      points: Type.Array(Type.Object({ at: Timestamp, value: Type.Number() }), {
        description: 'Of each step in which something was measured, by its beginning',
      }),
    }),
  ),
})
export type MetricSeries = Static<typeof MetricSeries>

/** A metric that a program on a node sends. Type and unit are read from its name, by the conventions of Prometheus. */
export const ProgramMetric = Type.Object({
  group: Type.String({ examples: ['shop', 'scrape.127.0.0.1:9100'] }),
  name: Type.String({ description: 'With the group', examples: ['shop.orders_total'] }),
  type: Type.Enum(['counter', 'gauge']),
  unit: Type.String({ examples: ['bytes', 'seconds', 'count'] }),
  series: Type.Integer({ description: 'How many combinations of labels there are' }),
  labels: mapOf(Type.Array(Type.String()), {
    description: 'Values of each label, up to ten of them',
  }),
  last_at: Timestamp,
})
export type ProgramMetric = Static<typeof ProgramMetric>

/** What programs on one node send. */
export const NodeProgramMetrics = Type.Object({
  node_id: NodeId,
  node_hostname: NodeHostname,
  metrics: Type.Array(ProgramMetric),
  left_out: nullable(
    Type.Object({
      values: Type.Integer({ description: 'Since the start of the control plane' }),
      series: Type.String({ description: 'Of the last of them' }),
      limit: Type.String({ examples: ['node_program_series'] }),
      at: Timestamp,
    }),
    { description: 'Values for whose series there was no room; null for none' },
  ),
})
export type NodeProgramMetrics = Static<typeof NodeProgramMetrics>
