import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { Clock } from '@plexd/runtime'
import type { Intake } from '../records/intake.ts'
import { severityOf } from '../records/log-record.ts'
import { takeRecords } from '../records/take-records.ts'
import { openRest } from './copies.ts'
import { noPrint, type Part, type Position, readPart } from './position.ts'

/** An open file, which stays the same under whatever name. */
export interface FollowedFile {
  readonly id: string
  readonly handle: FileHandle
  /** Where it was found last. */
  path: string
  position: Position
  /** What is known of it since it was read last: undefined before the first time. */
  seen?: Pick<Stats, 'size' | 'mtimeMs'>
  /** By the monotonic clock: since when it has no more, be its last record whole or not. */
  quietMs: number
}

export interface ReadDeps {
  intake: Intake
  isFirst: ((line: string) => boolean) | undefined
  /** The file with that identity is a copy of one, of which all is read. */
  onCopy(id: string): void
  clock: Clock
  signal: AbortSignal
}

/** At a time, so that others have their turn. More than the longest record. */
const chunkBytes = 64 * 1024
/** So long the rest of a line is waited for. */
const halfLineMs = 5_000
/** So long more lines of a record are waited for, once the last one is whole. */
const moreLinesMs = 1_000

export type ReadResult = 'more' | 'waiting' | 'idle'

/**
 * Reads what was written to it, at most a chunk. `more`: there is more; `waiting`: for the rest of a record, to be read again soon.
 * `isEnd`: nobody writes to it any more.
 */
export async function readFile(
  file: FollowedFile,
  deps: ReadDeps,
  isEnd = false,
): Promise<ReadResult> {
  const { position } = file
  if (position.isCopy) return 'idle'
  const { size, mtimeMs } = await file.handle.stat()
  const isChanged = size !== file.seen?.size || mtimeMs !== file.seen.mtimeMs
  if (!isChanged && size === position.offset) return 'idle'
  if (isChanged) file.quietMs = deps.clock.monotonic()
  const part = await readPart(file.handle, position.offset, chunkBytes)
  if (part.print === '' || part.print !== position.print) {
    await startAnew(file, deps)
    return 'more'
  }
  file.seen = { size, mtimeMs }
  const isAll = position.offset + part.bytes.length >= size
  const quietMs = deps.clock.monotonic() - file.quietMs
  const isOver =
    isEnd || quietMs >= (deps.isFirst && endsLine(part.bytes) ? moreLinesMs : halfLineMs)
  await take(file, part, deps, isAll && isOver)
  if (!isAll) return 'more'
  return file.position.offset < size ? 'waiting' : 'idle'
}

/** It was truncated, and maybe copied before: what of the copy was not read is read first. */
async function startAnew(file: FollowedFile, deps: ReadDeps): Promise<void> {
  await readRest(file, deps)
  file.position = { ...file.position, offset: 0, skip: '', print: noPrint }
  delete file.seen
}

/** Reads on in the file that has what ours had. Returns whether there is one. */
export async function readRest(
  file: Pick<FollowedFile, 'id' | 'position'>,
  deps: ReadDeps,
): Promise<boolean> {
  const rest = await openRest(file.position, file.id)
  if (!rest) return false
  try {
    for (let before = -1; before !== file.position.offset; ) {
      before = file.position.offset
      const part = await readPart(rest.file, before, chunkBytes)
      await take(file, part, deps, part.bytes.length < chunkBytes)
    }
  } finally {
    await rest.file.close()
  }
  deps.onCopy(rest.id)
  return true
}

/** Hands over the records in a part, and moves the position behind them. */
async function take(
  file: Pick<FollowedFile, 'id' | 'position'>,
  part: Part,
  deps: ReadDeps,
  isEnd: boolean,
): Promise<void> {
  const { intake, isFirst, clock, signal } = deps
  const { path, offset } = file.position
  const rules = { isFirst, isEnd }
  const { texts, consumed, skip } = takeRecords(part.bytes, file.position.skip, rules)
  if (consumed === 0) return
  const print = part.printAt(consumed)
  file.position = { ...file.position, offset: offset + consumed, skip, print }
  const timeMs = clock.now()
  const said = texts.map(({ text, isCut }) => ({
    timeMs,
    source: 'file',
    unit: path,
    text,
    isCut,
    severity: severityOf(text),
  }))
  await intake.add(
    said,
    consumed,
    { source: file.id, value: JSON.stringify(file.position) },
    signal,
  )
}

function endsLine(bytes: Buffer): boolean {
  return bytes.at(-1) === 0x0a
}
