import { describeError, type Log } from '@plexd/runtime'
import { createContents, type QueueContents, type Waiting } from './contents.ts'
import { tidyOldest } from './plan.ts'
import { decodeRecord, encodeRecord, readSegment } from './record.ts'
import { openSegments, type Segments } from './segments.ts'

/** The contents of a queue and its files, which follow them. Calls must not overlap. */
export interface QueueFiles extends AsyncDisposable {
  readonly contents: QueueContents
  /** How many places of the files were damaged when they were opened. */
  readonly damaged: number
  /** Takes items out of the contents; the files follow with the next write. */
  remove(numbers: readonly number[]): void
  /** Writes what the files lack; if it rejects, that is written by the next call. */
  write(): Promise<void>
  /** The JSON of each item; undefined if it can no longer be read. */
  read(entries: readonly Waiting[]): Promise<(string | undefined)[]>
}

export async function openQueueFiles(folder: string, log: Pick<Log, 'warn'>): Promise<QueueFiles> {
  const contents = createContents()
  let damaged = 0
  const segments = await openSegments(folder, (number, bytes) => {
    const read = readSegment(bytes)
    contents.load(number, read.records)
    damaged += read.damaged
    return read.end
  })
  contents.sort()
  /** Removed items that the files still have. */
  const gone = new Set<number>()

  async function write(): Promise<void> {
    await append()
    try {
      await tidy()
    } catch (error) {
      // The files take more than they have to, until the next write.
      log.warn('queue cannot be tidied', { folder, error: describeError(error) })
    }
  }

  async function append(): Promise<void> {
    const items = contents.unwritten()
    const numbers = [...gone]
    const lines = items.map(({ number, json = '' }) => encode({ kind: 'item', number, json }))
    const last = numbers.length === 0 ? [] : [encode({ kind: 'done', numbers })]
    if (lines.length + last.length === 0) return
    const { segment, offset } = await segments.append(Buffer.concat([...lines, ...last]))
    let at = offset
    for (const [index, line] of lines.entries()) {
      contents.place(items[index]?.number ?? 0, { segment, offset: at, length: line.length })
      at += line.length
    }
    for (const number of numbers) gone.delete(number)
  }

  /** Removes files of which nothing waits. */
  async function tidy(): Promise<void> {
    for (;;) {
      const step = tidyOldest(survey(segments, contents))
      if (step === 'keep') return
      if (step === 'remove') await segments.removeOldest()
      else await copyOldest()
    }
  }

  async function copyOldest(): Promise<void> {
    const entries = contents.in(oldestOf(segments))
    for (const [index, json] of (await read(entries)).entries()) {
      const number = entries[index]?.number ?? 0
      if (json === undefined) remove([number])
      else contents.copy(number, json)
    }
    await append()
  }

  async function read(entries: readonly Waiting[]): Promise<(string | undefined)[]> {
    const stored = entries.filter(({ json }) => json === undefined)
    const lines = await segments.read(stored.flatMap(({ place }) => place ?? []))
    const found = new Map(stored.map(({ number }, index) => [number, jsonOf(lines[index], number)]))
    return entries.map(({ number, json }) => json ?? found.get(number))
  }

  function remove(numbers: readonly number[]): void {
    for (const number of contents.remove(numbers)) gone.add(number)
  }

  return {
    contents,
    damaged,
    remove,
    write,
    read,
    [Symbol.asyncDispose]: () => segments[Symbol.asyncDispose](),
  }
}

function survey(segments: Segments, contents: QueueContents): Parameters<typeof tidyOldest>[0] {
  return {
    segments: segments.numbers().length,
    diskBytes: segments.bytes(),
    waitingBytes: contents.bytes(),
    inOldest: contents.in(oldestOf(segments)).length,
  }
}

function oldestOf(segments: Segments): number {
  return segments.numbers()[0] ?? 0
}

function encode(record: Parameters<typeof encodeRecord>[0]): Buffer {
  return Buffer.from(encodeRecord(record))
}

function jsonOf(line: Buffer | undefined, number: number): string | undefined {
  const record = line && decodeRecord(line)
  return record?.kind === 'item' && record.number === number ? record.json : undefined
}
