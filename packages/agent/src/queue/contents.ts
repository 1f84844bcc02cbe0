import type { PlacedRecord } from './record.ts'

/** Where the line of an item is on the disk. */
export interface Place {
  segment: number
  offset: number
  length: number
}

/** An item that waits. */
export interface Waiting {
  readonly number: number
  /** What it takes of the queue's room. */
  bytes: number
  /** Absent while it is on no disk. */
  place?: Place
  /** Present while it has to be written, which may be once more. */
  json?: string
}

/** What waits in a queue, in the order of its numbers. Does nothing to the disk. */
export interface QueueContents {
  /** The records of a segment. Segments are loaded in their order. */
  load(segment: number, records: readonly PlacedRecord[]): void
  /** To be called once all are loaded: an item that was copied to a later segment gets its order back. */
  sort(): void
  /** An item that is on no disk yet; returns its number. */
  add(json: string): number
  /** The item has to be written once more, and may be another now. Nothing, if it does not wait. */
  put(number: number, json: string): void
  /** The item is on the disk, here. */
  place(number: number, place: Place): void
  /** Takes out those that wait; returns the numbers of those that are on the disk. */
  remove(numbers: readonly number[]): number[]
  all(): Iterable<Waiting>
  /** Those of these numbers that wait. */
  find(numbers: readonly number[]): Waiting[]
  /** Those that have to be written. */
  unwritten(): Waiting[]
  /** Those in this segment. */
  in(segment: number): Waiting[]
  count(): number
  /** Of all that wait. */
  bytes(): number
}

/** What an item takes in memory beside its line on the disk, so that many small ones are bounded too. */
const overheadBytes = 64

/** What an item takes of the queue's room. */
export function bytesOf(json: string): number {
  return Buffer.byteLength(json) + overheadBytes
}

export function createContents(): QueueContents {
  let waiting = new Map<number, Waiting>()
  const unwritten = new Set<Waiting>()
  const bySegment = new Map<number, Set<Waiting>>()
  let bytes = 0
  let last = 0

  function insert(entry: Waiting): void {
    waiting.set(entry.number, entry)
    bytes += entry.bytes
    last = Math.max(last, entry.number)
  }

  function drop(entry: Waiting): void {
    waiting.delete(entry.number)
    unwritten.delete(entry)
    leaveSegment(entry)
    bytes -= entry.bytes
  }

  function resize(entry: Waiting, json: string): void {
    bytes += bytesOf(json) - entry.bytes
    entry.bytes = bytesOf(json)
  }

  function leaveSegment(entry: Waiting): void {
    const segment = entry.place?.segment ?? 0
    const others = bySegment.get(segment)
    others?.delete(entry)
    if (others?.size === 0) bySegment.delete(segment)
  }

  function place(number: number, to: Place): void {
    const entry = waiting.get(number)
    if (!entry) return
    leaveSegment(entry)
    entry.place = to
    delete entry.json
    unwritten.delete(entry)
    bySegment.getOrInsertComputed(to.segment, () => new Set()).add(entry)
  }

  function loadRecord(segment: number, { record, offset, length }: PlacedRecord): void {
    if (record.kind === 'done') {
      last = Math.max(last, ...record.numbers)
      for (const entry of found(record.numbers)) drop(entry)
      return
    }
    const { number, json } = record
    const known = waiting.get(number)
    if (known) resize(known, json)
    else insert({ number, bytes: bytesOf(json) })
    place(number, { segment, offset, length })
  }

  function found(numbers: readonly number[]): Waiting[] {
    return numbers.flatMap((number) => waiting.get(number) ?? [])
  }

  return {
    load(segment, records) {
      for (const placed of records) loadRecord(segment, placed)
    },
    sort() {
      waiting = new Map([...waiting].sort(([a], [b]) => a - b))
    },
    add(json) {
      const entry = { number: last + 1, bytes: bytesOf(json), json }
      insert(entry)
      unwritten.add(entry)
      return entry.number
    },
    put(number, json) {
      const entry = waiting.get(number)
      if (!entry) return
      resize(entry, json)
      entry.json = json
      unwritten.add(entry)
    },
    place,
    remove(numbers) {
      const gone = found(numbers)
      for (const entry of gone) drop(entry)
      return gone.filter((entry) => entry.place !== undefined).map(({ number }) => number)
    },
    all: () => waiting.values(),
    find: found,
    unwritten: () => [...unwritten],
    in: (segment) => [...(bySegment.get(segment) ?? [])],
    count: () => waiting.size,
    bytes: () => bytes,
  }
}
