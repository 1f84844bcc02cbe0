import { ApiError, ReportSync, rawElements, rawMembers } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import { parseChecked } from '../http/bodies/parse-json.ts'
import type { Limits } from '../limits.ts'
import { type ReportBatch, reportedEntry } from './merge.ts'

const whole = Compile(ReportSync)

/** A parsed body, and how many of its entries were left out. */
export interface ReadReports extends ReportBatch {
  dropped: number
}

/** Parses a report body that has passed the gate. Throws an ApiError: 400 if it is invalid, 413 for too many entries. */
export function parseReports(
  body: Uint8Array,
  { report_batch_entries: maxEntries }: Pick<Limits, 'report_batch_entries'>,
): ReadReports {
  const value = parseChecked(whole, new TextDecoder().decode(body))
  const entries = value.entries ?? []
  const deleted = value.deleted ?? []
  if (entries.length + deleted.length > maxEntries)
    throw new ApiError(
      'payload_too_large',
      `the batch has more than ${maxEntries} entries (limit report_batch_entries): send it in parts`,
    )
  const raw = entries.length === 0 ? [] : rawEntries(new TextDecoder().decode(body))
  return {
    entries: entries.map((entry, index) =>
      reportedEntry(entry, rawMembers(raw[index] ?? '{}').get('payload')),
    ),
    deleted,
    dropped: 0,
  }
}

function rawEntries(text: string): string[] {
  return rawElements(rawMembers(text).get('entries') ?? '[]')
}
