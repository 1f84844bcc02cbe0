import { randomBytes } from 'node:crypto'

const writerBytes = 10
const numberBytes = 6
/** Who writes it, and the how manieth of his it is. */
export const markBytes = writerBytes + numberBytes

/** Of one writer, the numbers behind the highest that are told apart: connections overtake each other, but not so many. */
const windowNumbers = 65_536
/** Control planes that have written under one key, each start counted apart; what is known of one is 8 KiB. */
const maxWriters = 1_024

/** Writes marks of which no two are the same. */
export function createMarks(): () => Buffer {
  const writer = randomBytes(writerBytes)
  let number = 0
  return () => {
    const mark = Buffer.alloc(markBytes)
    writer.copy(mark)
    mark.writeUIntBE(++number, writerBytes, numberBytes)
    return mark
  }
}

interface Writer {
  highest: number
  /** A bit for each number of the window. */
  seen: Uint8Array
}

/**
 * Says whether a mark has not come before. Only for those that are proved: each may be of a writer that is to be remembered. The one that has
 * been silent for longest is forgotten when there are too many.
 */
export function createSeenMarks(): (mark: Buffer) => boolean {
  const writers = new Map<string, Writer>()
  return (mark) => {
    const id = mark.toString('latin1', 0, writerBytes)
    const writer = writers.get(id) ?? { highest: 0, seen: new Uint8Array(windowNumbers / 8) }
    writers.delete(id)
    writers.set(id, writer)
    const [oldest = ''] = writers.keys()
    if (writers.size > maxWriters) writers.delete(oldest)
    return isNew(writer, mark.readUIntBE(writerBytes, numberBytes))
  }
}

function isNew(writer: Writer, number: number): boolean {
  if (number <= writer.highest - windowNumbers) return false
  slideTo(writer, number)
  const [index, bit] = placeOf(number)
  const before = writer.seen[index] ?? 0
  writer.seen[index] = before | bit
  return (before & bit) === 0
}

function slideTo(writer: Writer, number: number): void {
  const from = Math.max(writer.highest, number - windowNumbers)
  for (let next = from + 1; next <= number; next++) {
    const [index, bit] = placeOf(next)
    writer.seen[index] = (writer.seen[index] ?? 0) & ~bit
  }
  writer.highest = Math.max(writer.highest, number)
}

function placeOf(number: number): [index: number, bit: number] {
  const place = number % windowNumbers
  return [place >> 3, 1 << (place & 7)]
}
