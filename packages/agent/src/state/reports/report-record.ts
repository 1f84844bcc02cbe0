import { validatorOf } from '@plexd/protocol'
import { type Static, Type } from 'typebox'

/**
 * A report entry as it is kept: `payload` stays the text that the program wrote, compact, so that no number loses digits.
 * `writer` is the uid of the last writer, or `tcp`; absent if it is not known.
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
/** `version` is the last one of the key, and is never reused. The key still belongs to its writer, whoever deletes it. */
const DeleteRecord = Type.Object({
  op: Type.Literal('delete'),
  key: Type.String(),
  version: Type.Integer(),
  writer: Type.Optional(Type.String()),
})
/** The control plane has confirmed the change to this version. */
const SyncedRecord = Type.Object({
  op: Type.Literal('synced'),
  key: Type.String(),
  version: Type.Integer(),
  deleted: Type.Boolean(),
})
/** No forgotten key had a higher version. */
const FloorRecord = Type.Object({ op: Type.Literal('floor'), version: Type.Integer() })

const ReportRecord = Type.Union([PutRecord, DeleteRecord, SyncedRecord, FloorRecord])
export const reportRecord = validatorOf(ReportRecord)

export type PutRecord = Static<typeof PutRecord>
export type DeleteRecord = Static<typeof DeleteRecord>
export type ReportRecord = Static<typeof ReportRecord>

/** The last change of a key: its entry, or what is remembered of a deleted one. */
export type ReportChange = Readonly<PutRecord | DeleteRecord>

export function isChange(record: ReportRecord): record is PutRecord | DeleteRecord {
  return record.op === 'put' || record.op === 'delete'
}

/** The record that the control plane has confirmed a change. */
export function confirmationOf({ op, key, version }: ReportChange): ReportRecord {
  return { op: 'synced', key, version, deleted: op === 'delete' }
}
