import type { Entry } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import { parseExact } from '../json/exact-json.ts'
import type { Tables } from '../store/schema.ts'

/** A report entry as its node wrote it. */
export function reportView(row: Selectable<Tables['reports']>): Entry {
  return {
    key: row.key,
    content_type: row.content_type,
    payload: parseExact(row.payload),
    version: row.version,
    updated_at: row.updated_at,
  }
}
