import { validatorOf } from '@plexd/protocol'
import { type Static, Type } from 'typebox'
import { decodeLine } from './journal-line.ts'

/**
 * A report entry as it is kept: `payload` stays the text that the program wrote, compact, so that no number loses digits.
 * `writer` is the user by number, or `tcp`; nobody where it was not known.
 */
const PutRecord = Type.Object({
  op: Type.Literal('put'),
  key: Type.String(),
  content_type: Type.String(),
  payload: Type.String(),
  version: Type.Integer(),
  updated_at: Type.String(),
  writer: Type.Optional(Type.String()),
})
/** `version` is the last one the key had; it is never given out again. `writer` is who wrote the entry that is gone. */
const DeleteRecord = Type.Object({
  op: Type.Literal('delete'),
  key: Type.String(),
  version: Type.Integer(),
  writer: Type.Optional(Type.String()),
})
/** The control plane has the change which made this version. */
const SyncedRecord = Type.Object({
  op: Type.Literal('synced'),
  key: Type.String(),
  version: Type.Integer(),
  deleted: Type.Boolean(),
})
/** No forgotten key had a higher version. */
const FloorRecord = Type.Object({ op: Type.Literal('floor'), version: Type.Integer() })

const ReportRecord = Type.Union([PutRecord, DeleteRecord, SyncedRecord, FloorRecord])
const reportRecord = validatorOf(ReportRecord)

export type PutRecord = Static<typeof PutRecord>
export type DeleteRecord = Static<typeof DeleteRecord>
export type ReportRecord = Static<typeof ReportRecord>

/** As `encodeLine` writes it; undefined when the line was damaged. */
export function decodeRecord(line: string): ReportRecord | undefined {
  return decodeLine(line, reportRecord())
}
