import type { Entry } from '@plexd/protocol'

/** A report entry with its payload as the node wrote it: JSON text. */
export interface ReportedEntry extends Omit<Entry, 'payload'> {
  payload: string
}

/** `raw` is the text of the payload alone. */
export function reportedEntry(
  { key, content_type, version, updated_at }: Entry,
  raw: string | undefined,
): ReportedEntry {
  return { key, content_type, version, updated_at, payload: raw ?? 'null' }
}
