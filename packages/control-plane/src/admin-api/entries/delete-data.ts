import { ApiError, adminApi } from '@plexd/protocol'
import { tellEntryChange } from '../../entries/change.ts'
import { readTarget, rowFor } from '../../entries/target.ts'
import { handle } from '../../handle.ts'
import { deleteEntry, readEntriesOf } from '../../rows/entries.ts'
import { findNodeById } from '../wire/find-node.ts'

export const deleteData = handle(
  adminApi.deleteData,
  async ({ principal, params: { key }, query }, app) => {
    await app.change(async (unit) => {
      const { tenant_id } = principal
      const meant = readTarget(query, (id) => findNodeById(unit.fleet, principal, id))
      const before = await readEntriesOf(unit.tx, 'data_entries', { tenantId: tenant_id, key })
      const row = rowFor(before, meant)
      if (!row) throw new ApiError('not_found', `there is no data entry "${key}" for this target`)
      await deleteEntry(unit, 'data_entries', { id: row.id, tenant_id })
      const { target } = row
      const after = before.filter((entry) => entry !== row)
      tellEntryChange(unit, 'node_state_updated', { tenant_id, target, before, after })
    })
    return {}
  },
)
