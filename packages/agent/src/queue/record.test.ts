import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeRecord, encodeRecord, type QueueRecord, readSegment } from './record.ts'

const item = fc
  .record({
    number: fc.nat(),
    // Texts that look like records themselves, and any others.
    text: fc.oneof(fc.json(), fc.constant(encodeRecord({ kind: 'done', numbers: [1, 2] }))),
  })
  .map(({ number, text }): QueueRecord => ({ kind: 'item', number, json: JSON.stringify(text) }))
const done = fc
  .uniqueArray(fc.nat(50), { minLength: 1 })
  .map((all): QueueRecord => ({ kind: 'done', numbers: all.sort((a, b) => a - b) }))
const segment = fc.array(fc.oneof(item, done), { minLength: 1, maxLength: 6 })

describe('readSegment', () => {
  it('reads every record that was written', () => {
    fc.assert(
      fc.property(segment, (records) => {
        const { bytes } = written(records)
        const read = readSegment(bytes)
        assert.deepEqual(recordsOf(read), records)
        assert.deepEqual([read.damaged, read.end], [0, bytes.length])
        for (const { record, offset, length } of read.records)
          assert.deepEqual(decodeRecord(bytes.subarray(offset, offset + length)), record)
      }),
    )
  })

  it('reads what is complete of a segment that was cut off at any byte, and calls none of it damaged', () => {
    fc.assert(
      fc.property(segment, (records) => {
        const { bytes, ends } = written(records)
        for (let length = 0; length <= bytes.length; length++) {
          const read = readSegment(bytes.subarray(0, length))
          const complete = ends.filter((end) => end <= length)
          assert.deepEqual(recordsOf(read), records.slice(0, complete.length))
          assert.deepEqual([read.damaged, read.end], [0, complete.at(-1) ?? 0])
        }
      }),
      { numRuns: 25 },
    )
  })

  it('loses one record at most to a bit that has flipped, and none of the others', () => {
    fc.assert(
      fc.property(segment, (records) => {
        const { bytes, ends } = written(records)
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const flipped = Buffer.from(bytes)
          flipped[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          const hit = ends.findIndex((end) => bit >> 3 < end)
          const read = recordsOf(readSegment(flipped))
          const others = records.filter((_, at) => at !== hit)
          if (read.length !== records.length) assert.deepEqual(read, others)
          else assert.deepEqual(read, records)
        }
      }),
      { numRuns: 15 },
    )
  })

  it('reads nothing of what counts only with a line that was never written', () => {
    fc.assert(
      fc.property(segment, segment, (before, records) => {
        const first = written(before).bytes
        const lines = records.map((record, index) =>
          Buffer.from(encodeRecord(record, index < records.length - 1)),
        )
        const bytes = Buffer.concat([first, ...lines])
        for (let length = first.length; length < bytes.length; length++) {
          const read = readSegment(bytes.subarray(0, length))
          assert.deepEqual([recordsOf(read), read.end], [before, first.length])
        }
        assert.deepEqual(recordsOf(readSegment(bytes)), [...before, ...records])
      }),
      { numRuns: 25 },
    )
  })

  it('counts the places that are damaged', () => {
    const { bytes, ends } = written(Array.from({ length: 9 }, (_, number) => anItem(number)))
    for (const record of [1, 2, 5]) bytes[(ends[record] ?? 0) - 3] = 0
    const read = readSegment(bytes)
    assert.deepEqual([read.records.length, read.damaged], [6, 2])
  })

  it('takes zeros at the end, as a power failure may leave them, for what was never written', () => {
    const { bytes } = written([anItem(1)])
    const read = readSegment(Buffer.concat([bytes, Buffer.alloc(5_000)]))
    assert.deepEqual([read.records.length, read.damaged, read.end], [1, 0, bytes.length])
  })
})

function anItem(number: number): QueueRecord {
  return { kind: 'item', number, json: '{"n":1}' }
}

function written(records: readonly QueueRecord[]): { bytes: Buffer; ends: number[] } {
  const lines = records.map((record) => Buffer.from(encodeRecord(record)))
  let end = 0
  const ends = lines.map((line) => {
    end += line.length
    return end
  })
  return { bytes: Buffer.concat(lines), ends }
}

function recordsOf({ records }: ReturnType<typeof readSegment>): QueueRecord[] {
  return records.map(({ record }) => record)
}
