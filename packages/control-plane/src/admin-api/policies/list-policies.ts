import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readPoliciesAfter } from '../../rows/fleet/policies.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { policyViews } from './policy-view.ts'

/** In the order they apply. */
export const listPolicies = handle(
  adminApi.listPolicies,
  async ({ principal, query }, app: State & Environment) => {
    const { tenant_id: tenantId } = principal
    const [position] = cursorOf(query, [0]) ?? [Number.MIN_SAFE_INTEGER]
    const bounds = boundsOf(query, app.config)
    const page = await readPoliciesAfter(app.store.reader, { tenantId, position }, bounds)
    const items = await policyViews(app, tenantId, page.rows)
    return { items, next: nextOf(page, (row) => [row.position]) }
  },
)
