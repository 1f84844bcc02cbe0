import { Type } from 'typebox'
import { ForwardStatus, PrometheusTarget } from '../../../admin/forward.ts'
import { operation } from '../../../operations/operation.ts'
import { read } from '../row.ts'

/** Telemetry on its way to programs of others. */
export const forwards = {
  listForwards: operation({
    ...read('telemetry'),
    path: '/admin/v1/forwards',
    summary: 'List where telemetry is passed on to, and how far',
    response: Type.Object({ items: Type.Array(ForwardStatus) }),
  }),
  listPrometheusTargets: operation({
    ...read('telemetry'),
    path: '/admin/v1/prometheus/targets',
    summary: 'List nodes that serve metrics, for HTTP service discovery of Prometheus',
    response: Type.Array(PrometheusTarget),
  }),
  nodeMetrics: operation({
    ...read('telemetry'),
    path: '/metrics/nodes',
    summary: 'The last metrics of all nodes in the text format of Prometheus',
    responseKind: 'bytes',
  }),
} as const
