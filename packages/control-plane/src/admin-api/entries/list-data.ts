import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readDataAfter } from '../../rows/entries.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from '../wire/paging.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'

/** By key, then by target. */
export const listData = handle(
  adminApi.listData,
  async ({ principal, query }, app: State & Environment) => {
    const { tenant_id: tenantId } = principal
    const [key = '', target = ''] = cursorOf(query, ['', '']) ?? []
    const bounds = boundsOf(query, app.config)
    const page = await readDataAfter(app.store.reader, { tenantId, key, target }, bounds)
    const hostnameOf = await readTargetNames(app, tenantId, page.rows)
    const items = page.rows.map((row) => dataEntryJson(row, hostnameOf))
    return pageJson(
      items,
      nextOf(page, (row) => [row.key, row.target]),
    )
  },
)
