import { ApiError, adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readReport } from '../../rows/reports.ts'
import { findNode } from '../wire/find-node.ts'
import { reportJson } from './report-view.ts'

export const getReport = handle(
  adminApi.getReport,
  async ({ principal, params: { node, key } }, { fleet, store }: State) => {
    const { id } = findNode(fleet, principal, node)
    const report = await readReport(store.reader, id, key)
    if (!report) throw new ApiError('not_found', `node "${node}" has no report "${key}"`)
    return reportJson(report)
  },
)
