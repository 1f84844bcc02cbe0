import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { adminTokenView } from './token-view.ts'

/** Oldest first, without those revoked. */
export const listAdminTokens = handle(
  adminApi.listAdminTokens,
  async ({ principal }, { store }) => {
    const rows = await store.reader
      .selectFrom('admin_tokens')
      .select(['id', 'name', 'role', 'created_at'])
      .where('tenant_id', '=', principal.tenant_id)
      .where('revoked_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return { items: rows.map(adminTokenView) }
  },
)
