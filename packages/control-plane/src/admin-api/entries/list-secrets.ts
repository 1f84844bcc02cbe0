import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readSecretsAfter } from '../../rows/entries.ts'
import { cursorOf, limitOf, toPage } from '../wire/paging.ts'
import { readTargetNames, secretView } from './entry-view.ts'

/** By key, then by target. */
export const listSecrets = handle(
  adminApi.listSecrets,
  async ({ principal, query }, app: State) => {
    const { tenant_id: tenantId } = principal
    const limit = limitOf(query)
    const [key = '', target = ''] = cursorOf(query, ['', '']) ?? []
    const rows = await readSecretsAfter(app.store.reader, { tenantId, key, target }, limit + 1)
    const hostnameOf = await readTargetNames(app, tenantId, rows)
    return toPage(rows, limit, {
      item: (row) => secretView(row, hostnameOf),
      cursor: (row) => [row.key, row.target],
    })
  },
)
