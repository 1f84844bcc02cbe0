import { describeError, type Log } from '@plexd/runtime'
import { createContents, type QueueContents, type Waiting } from './contents.ts'
import { tidyOldest } from './plan.ts'
import { decodeRecord, encodeRecord, type QueueRecord, readSegment } from './record.ts'
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

/** `isWhole`: of what is written together all is there after a crash, or nothing. */
export async function openQueueFiles(
  folder: string,
  { log, isWhole = false }: { log: Pick<Log, 'warn'>; isWhole?: boolean },
): Promise<QueueFiles> {
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
    try {
      await append()
    } catch (error) {
      // Files of which nothing waits may be what fills the disk.
      if (!(await removeEmpty())) throw error
      await append()
    }
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
    const records: QueueRecord[] = [
      ...items.map(({ number, json = '' }) => ({ kind: 'item' as const, number, json })),
      ...(numbers.length === 0 ? [] : [{ kind: 'done' as const, numbers }]),
    ]
    if (records.length === 0) return
    const lines = records.map((record, index) =>
      Buffer.from(encodeRecord(record, isWhole && index < records.length - 1)),
    )
    const { segment, offset } = await segments.append(Buffer.concat(lines))
    let at = offset
    for (const [index, line] of lines.entries()) {
      const item = items[index]
      if (item) contents.place(item.number, { segment, offset: at, length: line.length })
      at += line.length
    }
    for (const number of numbers) gone.delete(number)
  }

  /** Resolves to whether there was any. */
  async function removeEmpty(): Promise<boolean> {
    let isAny = false
    for (; tidyOldest(survey(segments, contents)) === 'remove'; isAny = true)
      await segments.removeOldest()
    return isAny
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
      else contents.put(number, json)
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

function jsonOf(line: Buffer | undefined, number: number): string | undefined {
  const record = line && decodeRecord(line)
  return record?.kind === 'item' && record.number === number ? record.json : undefined
}
