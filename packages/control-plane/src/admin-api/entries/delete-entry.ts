import { adminApi } from '@plexd/protocol'
import { readTarget } from '../../entries/target.ts'
import { removeEntry } from '../../entries/write.ts'
import { handle } from '../../handle.ts'
import type { EntryKind } from '../../mesh/entry-scope.ts'
import { findNodeById } from '../wire/find-node.ts'

export const deleteData = deletion(adminApi.deleteData, 'data')
export const deleteSecret = deletion(adminApi.deleteSecret, 'secret')

function deletion(
  operation: typeof adminApi.deleteData | typeof adminApi.deleteSecret,
  kind: EntryKind,
) {
  return handle(operation, async ({ principal, params: { key }, query }, app) => {
    await app.change((unit) => {
      const target = readTarget(query, (id) => findNodeById(unit.fleet, principal, id))
      return removeEntry(unit, kind, { tenant_id: principal.tenant_id, key, target })
    })
    return {}
  })
}
