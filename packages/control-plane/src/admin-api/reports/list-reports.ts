import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readReportsAfter } from '../../rows/reports.ts'
import { findNode } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from '../wire/paging.ts'
import { reportJson } from './report-view.ts'

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
