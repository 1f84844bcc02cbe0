import { ApiError, adminApi, compactJson, rawMembers } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { readTarget } from '../../entries/target.ts'
import { writeEntry } from '../../entries/write.ts'
import { handle } from '../../handle.ts'
import { targetWarnings } from '../../mesh/target-warnings.ts'
import { findNodeById } from '../wire/find-node.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'

/** The payload is stored and sent as the operator wrote it, compacted; numbers are not rounded. */
export const putData = handle(
  adminApi.putData,
  async ({ principal, params: { key }, body, bodyText }, app: State & Environment) => {
    const { tenant_id } = principal
    const { limits } = app.config
    const { content_type } = body
    const payload = compactJson(rawMembers(bodyText).get('payload') ?? 'null')
    refuseLong(key, payload, limits.data_entry_bytes)
    const row = await app.change((unit) => {
      const target = readTarget(
        body.target,
        (id) => findNodeById(unit.fleet, principal, id),
        'data',
      )
      return writeEntry(unit, limits, 'data', {
        tenant_id,
        key,
        target,
        isSame: (old) => old.content_type === content_type && old.payload === payload,
        contentFor: () => ({ content_type, payload }),
      })
    })
    const warnings = targetWarnings(body.target, app.fleet.nodes(tenant_id), 'data')
    const entry = dataEntryJson(row, await readTargetNames(app, tenant_id, [row]))
    return `${entry.slice(0, -1)},"warnings":${JSON.stringify(warnings)}}`
  },
)

function refuseLong(key: string, payload: string, most: number): void {
  const bytes = Buffer.byteLength(payload)
  if (bytes <= most) return
  throw new ApiError(
    'payload_too_large',
    `data entry "${key.slice(0, 64)}" has ${bytes} bytes, and data_entry_bytes is ${most}: split it into several keys`,
  )
}
