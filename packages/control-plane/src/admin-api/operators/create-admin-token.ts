import { ApiError, adminApi, newAdminToken, newId } from '@plexd/protocol'
import { tokenHash } from '../../access/auth.ts'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { isOperator, putOperator } from '../../rows/fleet/operators.ts'
import { adminTokenView } from '../tokens/token-view.ts'

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
