import { ApiError, adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import * as tokens from '../../rows/bootstrap-tokens.ts'

/** A node that has already registered with it is not affected. */
export const revokeToken = handle(
  adminApi.revokeToken,
  async ({ principal, params }, app: State & Environment) => {
    const token = { id: params.token_id, tenantId: principal.tenant_id }
    const isRevoked = await app.store.write((tx) =>
      tokens.revokeToken(tx, { ...token, nowMs: app.clock.now() }),
    )
    if (!isRevoked) throw new ApiError('not_found', `there is no token "${params.token_id}"`)
    return {}
  },
)
