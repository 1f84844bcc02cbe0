import { pageOf } from '../../admin/page.ts'
import { ReportEntry } from '../../nodes/node-state.ts'
import { operation } from '../../operations/operation.ts'
import { Paging, read } from './row.ts'

/** What programs on a node report. */
export const reports = {
  listReports: operation({
    ...read('reports'),
    path: '/admin/v1/nodes/{node}/reports',
    summary: 'List the report entries of a node',
    query: Paging,
    response: pageOf(ReportEntry),
    responseKind: 'json-text',
    errors: [404],
  }),
  getReport: operation({
    ...read('reports'),
    path: '/admin/v1/nodes/{node}/reports/{key}',
    summary: 'Read one report entry of a node',
    response: ReportEntry,
    responseKind: 'json-text',
    errors: [404],
  }),
} as const
