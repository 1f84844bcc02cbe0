import { Type } from 'typebox'
import {
  MetricSeries,
  NodeProgramMetrics,
  NodeUsage,
  PeerUsage,
  seriesAggregates,
} from '../../admin/metric-usage.ts'
import { pageOf } from '../../admin/page.ts'
import { FollowedRecord, TelemetryRecord, Violation } from '../../admin/telemetry-record.ts'
import { operation } from '../../operations/operation.ts'
import { severities } from '../../telemetry/records.ts'
import { Paging, read } from './row.ts'

const optional = (description: string) => Type.Optional(Type.String({ description }))

/** Of which nodes; all of the tenant where it says nothing. */
const Nodes = Type.Object({
  node: optional('Only of this one: its id or hostname'),
  selector: optional('Only of those that it matches, by labels and by `reported.KEY`'),
})
const Times = Type.Object({
  since: optional('A time such as "2025-01-15T10:30:00Z", or how long ago, such as "5m"'),
  until: optional('The same; without end when absent'),
})
const grep = optional('Only records with this text in them, in upper or lower case')
const LogFilter = Type.Interface([Nodes], {
  unit: optional('Only of these units, separated by commas'),
  severity: Type.Optional(
    Type.Enum([...severities], { description: 'Only records of this severity and worse' }),
  ),
  grep,
})
const AuditFilter = Type.Interface([Nodes], {
  type: optional('Only events of these types, separated by commas'),
  grep,
})
const Order = Type.Object({
  order: Type.Optional(
    Type.Enum(['oldest', 'newest'], {
      description: 'Which come first, by their time; the oldest when absent',
    }),
  ),
})
const Position = Type.Object({
  after: optional('SSE id to go on behind; now when absent'),
})

/** What nodes observe and send: metrics, logs, audit, drift and violations. */
export const telemetry = {
  listTelemetry: operation({
    ...read('telemetry'),
    path: '/admin/v1/nodes/{node}/telemetry/{kind}',
    summary: 'List metrics, logs, audit, drift or violations of a node, oldest first',
    query: Type.Interface([Paging], { since: Type.Optional(Type.String()) }),
    response: pageOf(TelemetryRecord),
    responseKind: 'json-text',
    errors: [400, 404],
  }),
  listViolations: operation({
    ...read('telemetry'),
    path: '/admin/v1/violations',
    summary: 'List files on nodes that were not what they should be, oldest first',
    query: Type.Interface([Paging], { since: Type.Optional(Type.String()) }),
    response: pageOf(Violation),
    responseKind: 'json-text',
    errors: [400],
  }),
  searchLogs: operation({
    ...read('telemetry'),
    path: '/admin/v1/logs',
    summary: 'Search the logs of nodes, in the order of their time',
    query: Type.Interface([Paging, LogFilter, Times, Order], {}),
    response: pageOf(TelemetryRecord),
    responseKind: 'json-text',
    errors: [400, 404],
  }),
  followLogs: operation({
    ...read('telemetry'),
    path: '/admin/v1/logs/follow',
    summary: 'Follow the logs of nodes as they come in, as server-sent events',
    query: Type.Interface([LogFilter, Position], {}),
    response: FollowedRecord,
    responseKind: 'event-stream',
    errors: [400, 404, 429],
  }),
  searchAudit: operation({
    ...read('telemetry'),
    path: '/admin/v1/audit/nodes',
    summary: 'Search the audit records of nodes, in the order of their time',
    query: Type.Interface([Paging, AuditFilter, Times, Order], {}),
    response: pageOf(TelemetryRecord),
    responseKind: 'json-text',
    errors: [400, 404],
  }),
  followAudit: operation({
    ...read('telemetry'),
    path: '/admin/v1/audit/nodes/follow',
    summary: 'Follow the audit records of nodes as they come in, as server-sent events',
    query: Type.Interface([AuditFilter, Position], {}),
    response: FollowedRecord,
    responseKind: 'event-stream',
    errors: [400, 404, 429],
  }),
  topNodes: operation({
    ...read('telemetry'),
    path: '/admin/v1/metrics/top',
    summary: 'Show what nodes used when they last measured it',
    query: Type.Interface([Paging], { selector: Type.Optional(Type.String()) }),
    response: pageOf(NodeUsage),
    errors: [400],
  }),
  topPeers: operation({
    ...read('telemetry'),
    path: '/admin/v1/metrics/top/{node}',
    summary: 'Show how a node last saw each of its peers',
    response: Type.Object({ items: Type.Array(PeerUsage) }),
    errors: [404],
  }),
  listProgramMetrics: operation({
    ...read('telemetry'),
    path: '/admin/v1/metrics/programs',
    summary:
      'List the metrics that programs on nodes send, by node; nodes without any are left out',
    query: Type.Interface([Paging, Nodes], {}),
    response: pageOf(NodeProgramMetrics),
    errors: [400, 404],
  }),
  queryMetrics: operation({
    ...read('telemetry'),
    path: '/admin/v1/metrics/query',
    summary: 'Read a metric over time; of a counter how much it grows a second',
    query: Type.Interface([Nodes, Times], {
      name: Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'A metric, with labels if it is one of a program',
        examples: ['node_resources.cpu_percent', 'shop.orders_total{shop="berlin"}'],
      }),
      step: optional('Time from point to point, at least "15s"; chosen by the range when absent'),
      agg: Type.Optional(
        Type.Enum([...seriesAggregates], {
          description: 'What a point shows of the values in its step; avg when absent',
        }),
      ),
    }),
    response: MetricSeries,
    errors: [400, 404],
  }),
} as const
