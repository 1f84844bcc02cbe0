import type { ReportEntry } from '@plexd/protocol'

/** A report entry with its payload as the node wrote it: JSON text. */
export interface ReportedEntry extends Omit<ReportEntry, 'payload'> {
  payload: string
}

/** `raw` is the JSON text of the payload. */
export function reportedEntry(
  { key, content_type, version, updated_at, written_by }: ReportEntry,
  raw: string | undefined,
): ReportedEntry {
  const entry = { key, content_type, version, updated_at, payload: raw ?? 'null' }
  return written_by === undefined ? entry : { ...entry, written_by }
}
