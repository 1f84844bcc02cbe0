import { ApiError, adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readReport, readReportsAfter, type StoredReport } from '../../rows/reports.ts'
import { findNode } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from '../wire/paging.ts'

/** By key. */
export const listReports = handle(
  adminApi.listReports,
  async ({ principal, params, query }, { fleet, store, config }: State & Environment) => {
    const { id: nodeId } = findNode(fleet, principal, params.node)
    const [key] = cursorOf(query, ['']) ?? ['']
    const page = await readReportsAfter(store.reader, { nodeId, key }, boundsOf(query, config))
    const next = nextOf(page, (row) => [row.key])
    return pageJson(page.rows.map(reportJson), next)
  },
)

export const getReport = handle(
  adminApi.getReport,
  async ({ principal, params: { node, key } }, { fleet, store }: State) => {
    const { id } = findNode(fleet, principal, node)
    const report = await readReport(store.reader, id, key)
    if (!report) throw new ApiError('not_found', `node "${node}" has no report "${key}"`)
    return reportJson(report)
  },
)

/** A report entry as its node wrote it, as JSON text. */
function reportJson(report: StoredReport): string {
  const { key, content_type, payload, version, updated_at, written_by } = report
  const rest = { version, updated_at, ...(written_by === null ? {} : { written_by }) }
  const head = JSON.stringify({ key, content_type }).slice(0, -1)
  return `${head},"payload":${payload},${JSON.stringify(rest).slice(1)}`
}
