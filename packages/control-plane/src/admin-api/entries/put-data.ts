import { ApiError, adminApi, compactJson, newId, rawMembers } from '@plexd/protocol'
import type { App } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { tellEntryChange } from '../../entries/change.ts'
import { refuseOverfull } from '../../entries/refuse-overfull.ts'
import { readTarget, rowFor } from '../../entries/target.ts'
import { type Call, handle } from '../../handle.ts'
import { targetWarnings } from '../../mesh/target-warnings.ts'
import { dataBytes, putDataEntry, readDataOf, type StoredData } from '../../rows/data-entries.ts'
import { nextVersion } from '../../rows/entries.ts'
import { findNodeById } from '../wire/find-node.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'

/**
 * The payload is stored and sent as the operator wrote it, compacted; numbers are not rounded. Writing the same content
 * again changes nothing: no new version, no events.
 */
export const putData = handle(adminApi.putData, async (call, app) => {
  const { key } = call.params
  const { content_type } = call.body
  const payload = compactJson(rawMembers(call.bodyText).get('payload') ?? 'null')
  refuseLong(key, payload, app.config.limits.data_entry_bytes)
  const row = await app.change((unit) => write(unit, app, call, { content_type, payload }))
  const nodes = app.fleet.nodes(call.principal.tenant_id)
  const warnings = JSON.stringify(targetWarnings(call.body.target, nodes, 'data'))
  const entry = dataEntryJson(row, await readTargetNames(app, row.tenant_id, [row]))
  return `${entry.slice(0, -1)},"warnings":${warnings}}`
})

async function write(
  unit: Unit,
  app: App,
  { principal, params: { key }, body }: Call<typeof adminApi.putData>,
  content: Pick<StoredData, 'content_type' | 'payload'>,
): Promise<StoredData> {
  const { tenant_id } = principal
  const meant = readTarget(body.target, (id) => findNodeById(unit.fleet, principal, id), 'data')
  const before = await readDataOf(unit.tx, tenant_id, key)
  const old = rowFor(before, meant)
  const target = old?.target ?? meant
  if (old && old.content_type === content.content_type && old.payload === content.payload)
    return old
  const row = {
    id: old?.id ?? newId('entry'),
    tenant_id,
    key,
    target,
    ...content,
    version: await nextVersion(unit.tx, { tenant_id, kind: 'data', key }),
    updated_at: unit.nowMs,
  }
  await putDataEntry(unit, row)
  await refuseOverfull(unit, app.config.limits, {
    tenant_id,
    table: 'data_entries',
    old: old && { ...old, bytes: dataBytes(old) },
    row,
  })
  const after = [...before.filter(({ id }) => id !== row.id), row]
  tellEntryChange(unit, 'node_state_updated', { tenant_id, target, before, after })
  return row
}

function refuseLong(key: string, payload: string, most: number): void {
  const bytes = Buffer.byteLength(payload)
  if (bytes <= most) return
  throw new ApiError(
    'payload_too_large',
    `data entry "${key.slice(0, 64)}" has ${bytes} bytes, and data_entry_bytes is ${most}: split it into several keys`,
  )
}
