import { adminApi } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { firstOf } from '../../rows/page.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from '../wire/paging.ts'
import { readMoment } from '../wire/timestamps.ts'
import { recordJson } from './record-json.ts'

/** Of all nodes of the tenant, removed ones included. */
export const listViolations = handle(
  adminApi.listViolations,
  async ({ principal, query }, app: State & SideStores & Environment) => {
    const { tenant_id } = principal
    const bounds = boundsOf(query, app.config)
    const [after] = cursorOf(query, [0]) ?? [0]
    const nowMs = app.clock.now()
    const found = await app.telemetry.list({
      tenant_id,
      kind: 'violations',
      sinceMs: query.since === undefined ? 0 : readMoment(query.since, { field: 'since', nowMs }),
      after,
      limit: bounds.limit + 1,
      maxBytes: bounds.maxBytes,
    })
    const page = firstOf(found, bounds, ({ record }) => Buffer.byteLength(record))
    const ids = page.rows.map(({ node_id }) => node_id)
    const hostnameOf = await readHostnames(app, { tenantId: tenant_id, ids })
    const items = page.rows.map((row) => recordJson(row, hostnameOf(row.node_id)))
    return pageJson(
      items,
      nextOf(page, ({ id }) => [id]),
    )
  },
)
