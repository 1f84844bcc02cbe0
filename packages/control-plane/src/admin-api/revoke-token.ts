import { ApiError, adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'

/** A node that has registered with it stays. */
export const revokeToken = handle(adminApi.revokeToken, async ({ principal, params }, app) => {
  const { numUpdatedRows } = await app.store.write((tx) =>
    tx
      .updateTable('bootstrap_tokens')
      .set({ revoked_at: app.clock.now(), answer_sealed: null })
      .where('id', '=', params.token_id)
      .where('tenant_id', '=', principal.tenant_id)
      .where('revoked_at', 'is', null)
      .executeTakeFirst(),
  )
  if (numUpdatedRows === 0n)
    throw new ApiError('not_found', `there is no token "${params.token_id}"`)
  return {}
})
