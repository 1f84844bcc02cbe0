import { ApiError, adminApi, newAdminToken, newId } from '@plexd/protocol'
import { tokenHash } from '../auth.ts'
import { handle } from '../handle.ts'
import { adminTokenView } from './token-view.ts'

/** Names are unique within a tenant, so that a log line tells who it was. */
export const createAdminToken = handle(
  adminApi.createAdminToken,
  async ({ principal, body }, app) => {
    const token = newAdminToken()
    const row = await app.change(async (unit) => {
      const { tenant_id } = principal
      const taken = await unit.tx
        .selectFrom('admin_tokens')
        .select('id')
        .where('tenant_id', '=', tenant_id)
        .where('name', '=', body.name)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (taken) throw new ApiError('conflict', `there is an admin token "${body.name}" already`)
      const operator = {
        id: newId('token'),
        tenant_id,
        name: body.name,
        role: body.role,
        token_hash: tokenHash(token),
      }
      const created = { ...operator, created_at: unit.nowMs, revoked_at: null }
      await unit.tx.insertInto('admin_tokens').values(created).execute()
      unit.apply({ type: 'operator_put', operator })
      return created
    })
    return { ...adminTokenView(row), token }
  },
)
