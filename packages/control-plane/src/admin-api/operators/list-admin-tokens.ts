import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readShownOperators } from '../../rows/fleet/operators.ts'
import { adminTokenView } from '../tokens/token-view.ts'

/** Oldest first, without those revoked. */
export const listAdminTokens = handle(
  adminApi.listAdminTokens,
  async ({ principal }, { store }: State) => {
    const operators = await readShownOperators(store.reader, principal.tenant_id)
    return { items: operators.map(adminTokenView) }
  },
)
