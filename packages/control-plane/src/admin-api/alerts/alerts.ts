import { adminApi } from '@plexd/protocol'
import { readActiveSilences } from '../../alerts/book.ts'
import { alertView } from '../../alerts/view.ts'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readAlertsBefore, type StoredAlert } from '../../rows/alerts/alerts.ts'
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
    const of = { tenantId: principal.tenant_id, nowMs: app.clock.now() }
    const silences = await readActiveSilences(app.store.reader, of)
    const silencedUntil = (alert: StoredAlert): string | null => {
      const node = app.fleet.node(alert.node_id)
      if (!node || alert.state === 'resolved') return null
      const ends = silences.filter((one) => one.covers(alert, node)).map(({ endsMs }) => endsMs)
      return ends.length === 0 ? null : new Date(Math.max(...ends)).toISOString()
    }
    return {
      items: page.rows.map((row) => ({ ...alertView(row), silenced_until: silencedUntil(row) })),
      next: nextOf(page, (row) => [row.since, row.id]),
    }
  },
)
