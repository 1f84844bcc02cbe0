import type { DataEntry, Secret } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import { targetView } from '../entries/target.ts'
import type { Tables } from '../store/schema.ts'
import { timestamp } from './timestamps.ts'

export function dataEntryView(row: Selectable<Tables['data_entries']>): DataEntry {
  return {
    key: row.key,
    target: targetView(row.target),
    content_type: row.content_type,
    payload: JSON.parse(row.payload) as unknown,
    version: row.version,
    updated_at: timestamp(row.updated_at),
  }
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
