import { adminApi } from '@plexd/protocol'
import { alertView } from '../../alerts/view.ts'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readAlertsBefore } from '../../rows/alerts/alerts.ts'
import { findNodeEver } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

export const listAlerts = handle(
  adminApi.listAlerts,
  async ({ principal, query }, app: State & Environment) => {
    const { state, rule, node } = query
    const nodeId = node === undefined ? undefined : (await findNodeEver(app, principal, node)).id
    const [since, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readAlertsBefore(
      app.store.reader,
      {
        tenantId: principal.tenant_id,
        since: Number(since),
        id: String(id),
        state,
        rule,
        nodeId,
      },
      boundsOf(query, app.config),
    )
    return { items: page.rows.map(alertView), next: nextOf(page, (row) => [row.since, row.id]) }
  },
)
