import { crc32 } from 'node:zlib'

/** What a line of a segment says: an item that waits, by its number, or the numbers of those that wait no more. */
export type QueueRecord =
  | { kind: 'item'; number: number; json: string }
  | { kind: 'done'; numbers: readonly number[] }

/** A record and the bytes of its line in the segment. */
export interface PlacedRecord {
  record: QueueRecord
  /** Whether it counts only with the next one. */
  isOpen: boolean
  offset: number
  length: number
}

export interface SegmentContents {
  records: PlacedRecord[]
  /** How many places are damaged; each may have been several records. */
  damaged: number
  /** Where the complete lines end: what follows was cut off by a crash, and never acknowledged. */
  end: number
}

/** Length and checksum, 8 hex digits each, with a space after each. */
const headerBytes = 18
const newline = 10

/**
 * One line: the length of its body in bytes, the CRC-32 of its body, the body, a newline. JSON has no newline of its own, so that reading
 * can go on behind a damaged line; and with its length a line can be read of which only the newline is damaged. `&` before the body
 * says that the line counts only with the next one.
 */
export function encodeRecord(record: QueueRecord, isOpen = false): string {
  const body = `${isOpen ? '&' : ''}${bodyOf(record)}`
  return `${hex(Buffer.byteLength(body))} ${hex(crc32(body))} ${body}\n`
}

/** All records of a segment in order. Those that count only with one that was never written are not there. Pure. */
export function readSegment(bytes: Buffer): SegmentContents {
  const records: PlacedRecord[] = []
  let damaged = 0
  let isDamage = false
  let at = 0
  while (at < bytes.length) {
    const placed = recordAt(bytes, at)
    const end = placed ? at + placed.length : bytes.indexOf(newline, at) + 1
    if (end === 0) break
    if (placed) records.push(placed)
    else if (!isDamage) damaged++
    isDamage = placed === undefined
    at = end
  }
  return isDamage ? { records, damaged, end: at } : { ...closed(records, at), damaged }
}

/** Without what was begun at the end. */
function closed(records: PlacedRecord[], end: number): Pick<SegmentContents, 'records' | 'end'> {
  const count = records.findLastIndex(({ isOpen }) => !isOpen) + 1
  return { records: records.slice(0, count), end: records[count]?.offset ?? end }
}

/** The one record of these bytes; undefined if it is damaged. */
export function decodeRecord(line: Buffer): QueueRecord | undefined {
  return recordAt(line, 0)?.record
}

function recordAt(bytes: Buffer, offset: number): PlacedRecord | undefined {
  const header = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/.exec(
    bytes.toString('latin1', offset, offset + headerBytes),
  )
  if (!header) return undefined
  const start = offset + headerBytes
  const end = start + Number.parseInt(header[1] ?? '', 16)
  // The newline is part of a complete line.
  if (end + 1 > bytes.length) return undefined
  const body = bytes.subarray(start, end)
  if (crc32(body) !== Number.parseInt(header[2] ?? '', 16)) return undefined
  const text = body.toString()
  const isOpen = text.startsWith('&')
  const record = recordOf(isOpen ? text.slice(1) : text)
  return record && { record, isOpen, offset, length: end + 1 - offset }
}

function bodyOf(record: QueueRecord): string {
  return record.kind === 'item'
    ? `+${record.number} ${record.json}`
    : `-${rangesOf(record.numbers).join(',')}`
}

function recordOf(body: string): QueueRecord | undefined {
  const item = /^\+(\d{1,15}) /.exec(body)
  if (item) return { kind: 'item', number: Number(item[1]), json: body.slice(item[0].length) }
  if (!/^-\d{1,15}(\.\d{1,15})?(,\d{1,15}(\.\d{1,15})?)*$/.test(body)) return undefined
  return { kind: 'done', numbers: body.slice(1).split(',').flatMap(numbersOf) }
}

/** Ascending numbers as ranges: `3`, `5.9` for 5 to 9. */
function rangesOf(numbers: readonly number[]): string[] {
  const ranges: { first: number; last: number }[] = []
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1)
    if (range?.last === number - 1) range.last = number
    else ranges.push({ first: number, last: number })
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}.${last}`))
}

function numbersOf(range: string): number[] {
  const [first = 0, last = first] = range.split('.').map(Number)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at)
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
