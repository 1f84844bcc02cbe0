import { crc32 } from 'node:zlib'
import { validatorOf } from '@plexd/protocol'
import { type Static, Type } from 'typebox'

/** A report entry as it is kept: `payload` stays the text that the program wrote, compact, so that no number loses digits. */
const PutRecord = Type.Object({
  op: Type.Literal('put'),
  key: Type.String(),
  content_type: Type.String(),
  payload: Type.String(),
  version: Type.Integer(),
  updated_at: Type.String(),
})
/** `version` is the last one the key had; it is never given out again. */
const DeleteRecord = Type.Object({
  op: Type.Literal('delete'),
  key: Type.String(),
  version: Type.Integer(),
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

/** One line of the journal: CRC-32 of the JSON in 8 hex digits, a space, the JSON, a newline. */
export function encodeRecord(record: ReportRecord): string {
  const json = JSON.stringify(record)
  return `${checksum(json)} ${json}\n`
}

/** The record of a line without its newline; undefined when the line was damaged. */
export function decodeRecord(line: string): ReportRecord | undefined {
  const json = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return reportRecord().Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
