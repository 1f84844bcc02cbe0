import type { Secret } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import { targetView } from '../entries/target.ts'
import type { Tables } from '../store/schema.ts'
import { timestamp } from './timestamps.ts'

/** As JSON text, the payload as it was written. */
export function dataEntryJson(row: Selectable<Tables['data_entries']>): string {
  const { key, target, content_type, payload, version, updated_at } = row
  const head = JSON.stringify({ key, target: targetView(target), content_type }).slice(0, -1)
  const tail = JSON.stringify({ version, updated_at: timestamp(updated_at) }).slice(1)
  return `${head},"payload":${payload},${tail}`
}

/** A secret without its value. */
export function secretView(
  row: Pick<Selectable<Tables['secrets']>, 'key' | 'target' | 'version' | 'updated_at'>,
): Secret {
  return {
    key: row.key,
    target: targetView(row.target),
    version: row.version,
    updated_at: timestamp(row.updated_at),
  }
}
