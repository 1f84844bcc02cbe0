import { adminApi, type DataEntry, newId } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import { nextVersion, tellEntryChange } from '../entries/change.ts'
import { readTarget } from '../entries/target.ts'
import { handle } from '../handle.ts'
import type { Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'
import { dataEntryView } from './entry-view.ts'
import { findNodeById } from './find-node.ts'

type DataRow = Selectable<Tables['data_entries']>

/** The same content again is no change: no new version, and nobody is told. */
export const putData = handle(
  adminApi.putData,
  ({ principal, params: { key }, body }, app): Promise<DataEntry> =>
    app.change(async (unit) => {
      const { tenant_id } = principal
      const target = readTarget(
        body.target,
        (id) => findNodeById(unit.fleet, principal, id),
        'data',
      )
      const content = {
        content_type: body.content_type,
        payload: JSON.stringify(body.payload ?? null),
      }
      const before = await readDataRows(unit.tx, tenant_id, key)
      const old = before.find((row) => row.target === target)
      if (old && old.content_type === content.content_type && old.payload === content.payload)
        return dataEntryView(old)
      const row = {
        id: old?.id ?? newId('entry'),
        tenant_id,
        key,
        target,
        ...content,
        version: await nextVersion(unit.tx, { tenant_id, kind: 'data', key }),
        updated_at: unit.nowMs,
      }
      await unit.tx
        .insertInto('data_entries')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute()
      const after = [...before.filter(({ id }) => id !== row.id), row]
      await tellEntryChange(unit, app, 'node_state_updated', { tenant_id, target, before, after })
      return dataEntryView(row)
    }),
)

function readDataRows(tx: Tx, tenantId: string, key: string): Promise<DataRow[]> {
  return tx
    .selectFrom('data_entries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .execute()
}
