import { ApiError, adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import { readShownOperators, revokeOperator } from '../../rows/fleet/operators.ts'

/** The last owner's token cannot be revoked: without one nothing could be changed any more. */
export const revokeAdminToken = handle(
  adminApi.revokeAdminToken,
  async ({ principal, params }, app: State) => {
    await app.change((unit) => revoke(unit, principal.tenant_id, params.token_id))
    return {}
  },
)

async function revoke(unit: Unit, tenantId: string, id: string): Promise<void> {
  const valid = await readShownOperators(unit.tx, tenantId)
  const token = valid.find((row) => row.id === id)
  if (!token) throw new ApiError('not_found', `there is no admin token "${id}"`)
  const isLastOwner = valid.filter(({ role }) => role === 'owner').length === 1
  if (token.role === 'owner' && isLastOwner)
    throw new ApiError('conflict', 'the last token with role "owner" cannot be revoked')
  await revokeOperator(unit, id)
}
