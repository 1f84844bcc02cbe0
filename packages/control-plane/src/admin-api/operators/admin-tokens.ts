import { type AdminToken, ApiError, adminApi, newAdminToken, newId } from '@plexd/protocol'
import { tokenHash } from '../../access/auth.ts'
import type { State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import {
  isOperator,
  putOperator,
  readShownOperators,
  revokeOperator,
  type ShownOperator,
} from '../../rows/fleet/operators.ts'
import { revokeSessionsOf } from '../../sessions/end-sessions.ts'
import { timestamp } from '../wire/timestamps.ts'

export const whoAmI = handle(adminApi.whoAmI, async ({ principal }, { fleet }: State) => {
  const { name, role, tenant_id } = principal
  return { name, role, tenant: fleet.tenant(tenant_id)?.name ?? tenant_id }
})

/** Names are unique within a tenant, so that a log line identifies the operator. */
export const createAdminToken = handle(
  adminApi.createAdminToken,
  async ({ principal, body }, app: State) => {
    const token = newAdminToken()
    const created = await app.change(async (unit) => {
      const { tenant_id } = principal
      if (await isOperator(unit.tx, tenant_id, body.name))
        throw new ApiError('conflict', `there is an admin token "${body.name}" already`)
      const operator = {
        id: newId('token'),
        tenant_id,
        name: body.name,
        role: body.role,
        token_hash: tokenHash(token),
      }
      await putOperator(unit, operator)
      return { ...operator, created_at: unit.nowMs }
    })
    return { ...adminTokenView(created), token }
  },
)

/** Oldest first, without those revoked. */
export const listAdminTokens = handle(
  adminApi.listAdminTokens,
  async ({ principal }, { store }: State) => {
    const operators = await readShownOperators(store.reader, principal.tenant_id)
    return { items: operators.map(adminTokenView) }
  },
)

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
  await revokeSessionsOf(unit, { operator_id: id }, `the token of "${token.name}" was revoked`)
  await revokeOperator(unit, id)
}

/** An admin token without the token. */
function adminTokenView({ id, name, role, created_at }: ShownOperator): AdminToken {
  return { id, name, role, created_at: timestamp(created_at) }
}
