import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'

/** A report entry as its node wrote it, as JSON text. */
export function reportJson(row: Selectable<Tables['reports']>): string {
  const { key, content_type, payload, version, updated_at, written_by } = row
  const rest = { version, updated_at, ...(written_by === null ? {} : { written_by }) }
  const head = JSON.stringify({ key, content_type }).slice(0, -1)
  return `${head},"payload":${payload},${JSON.stringify(rest).slice(1)}`
}
