import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'

/** A report entry as its node wrote it, as JSON text. */
export function reportJson(row: Selectable<Tables['reports']>): string {
  const { key, content_type, payload, version, updated_at } = row
  const head = JSON.stringify({ key, content_type }).slice(0, -1)
  return `${head},"payload":${payload},${JSON.stringify({ version, updated_at }).slice(1)}`
}
