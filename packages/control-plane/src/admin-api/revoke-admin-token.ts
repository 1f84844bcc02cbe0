import { ApiError, adminApi } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import { handle } from '../handle.ts'

/** The last owner stays: without one nothing could be changed any more. */
export const revokeAdminToken = handle(
  adminApi.revokeAdminToken,
  async ({ principal, params }, app) => {
    await app.change(async (unit) => {
      await revoke(unit, principal.tenant_id, params.token_id)
      unit.afterCommit(() => app.operatorEnds.end(params.token_id))
    })
    return {}
  },
)

async function revoke(unit: Unit, tenantId: string, id: string): Promise<void> {
  const valid = await unit.tx
    .selectFrom('admin_tokens')
    .select(['id', 'role'])
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .execute()
  const token = valid.find((row) => row.id === id)
  if (!token) throw new ApiError('not_found', `there is no admin token "${id}"`)
  const isLastOwner = valid.filter(({ role }) => role === 'owner').length === 1
  if (token.role === 'owner' && isLastOwner)
    throw new ApiError('conflict', 'the last token with role "owner" cannot be revoked')
  await unit.tx
    .updateTable('admin_tokens')
    .set({ revoked_at: unit.nowMs })
    .where('id', '=', id)
    .execute()
  unit.apply({ type: 'operator_removed', id })
}
