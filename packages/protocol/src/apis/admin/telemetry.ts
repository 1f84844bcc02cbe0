import { Type } from 'typebox'
import { pageOf } from '../../admin/page.ts'
import { TelemetryRecord, Violation } from '../../admin/telemetry-record.ts'
import { operation } from '../../operations/operation.ts'
import { Paging, read } from './row.ts'

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
} as const
