import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { listUnconfirmed } from '../../nodes/unconfirmed-list.ts'
import { cursorOf, limitOf, toPage } from '../wire/paging.ts'

/** By key. */
export const listUnconfirmedLabels = handle(
  adminApi.listUnconfirmedLabels,
  async ({ principal, query }, app: State) => {
    const limit = limitOf(query)
    const [after] = cursorOf(query, ['']) ?? []
    const { fleet, store } = app
    const labels = await listUnconfirmed({ reader: store.reader, fleet }, principal.tenant_id)
    const rest = labels.filter(({ key }) => after === undefined || key > after)
    return toPage(rest, limit, { item: (label) => label, cursor: ({ key }) => [key] })
  },
)
