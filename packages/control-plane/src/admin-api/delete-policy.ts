import { ApiError, adminApi } from '@plexd/protocol'
import { changePolicy } from '../announce.ts'
import { handle } from '../handle.ts'

export const deletePolicy = handle(adminApi.deletePolicy, async ({ principal, params }, app) => {
  await app.change(async (unit) => {
    const before = unit.fleet.policies(principal.tenant_id).find(({ name }) => name === params.name)
    if (!before) throw new ApiError('not_found', `there is no policy "${params.name}"`)
    await unit.tx.deleteFrom('policies').where('id', '=', before.id).execute()
    await changePolicy(unit, { before })
  })
  return {}
})
