import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { undefinedIfMissing } from '@plexd/runtime'
import { openAppendFile } from '../disk/append-file.ts'
import { prepareFolder, temporaryPrefix } from './prepare-folder.ts'

/** An append-only file of lines that is occasionally replaced as a whole. Calls must not overlap. */
export interface Journal extends AsyncDisposable {
  /** How many lines were damaged when it was opened. */
  readonly damaged: number
  /** Bytes that are certainly on disk. */
  size(): number
  /** Resolves when the lines are on disk. If it rejects, none of them is, and it may be called again. */
  append(lines: string): Promise<void>
  /**
   * Replaces the whole contents with these lines. If it rejects, the old ones stay. Written in chunks of one mebibyte,
   * yielding to others in between.
   */
  replace(lines: Iterable<string>): Promise<void>
}

interface RecordValidator<T> {
  Check(value: unknown): value is T
}

/**
 * Opens or creates the file (0600, its folder 0700) and passes the record of each intact line to `onRecord`.
 * A last line without a newline was cut off by a crash: it was never acknowledged, and is removed.
 * Rejects if the file cannot be read or written.
 */
export async function openJournal<T>(
  path: string,
  validator: RecordValidator<T>,
  onRecord: (record: T) => void,
): Promise<Journal> {
  const folder = dirname(path)
  await prepareFolder(folder)
  let damaged = 0
  const bytes = (await readFile(path).catch(undefinedIfMissing)) ?? Buffer.alloc(0)
  const end = forEachLine(bytes, (line) => {
    const record = decodeLine(line, validator)
    if (record === undefined) damaged++
    else onRecord(record)
  })
  let file = await openAppendFile(path, end)

  async function replace(lines: Iterable<string>): Promise<void> {
    const temporary = join(folder, `${temporaryPrefix}${crypto.randomUUID()}`)
    const next = await openAppendFile(temporary)
    try {
      for (const block of inBlocks(lines)) await next.append(block)
      await next.rename(path)
    } catch (error) {
      await next[Symbol.asyncDispose]()
      await rm(temporary, { force: true })
      throw error
    }
    await file[Symbol.asyncDispose]()
    file = next
    await file.syncName()
  }

  return {
    damaged,
    size: () => file.end(),
    append: async (lines) => void (await file.append(Buffer.from(lines))),
    replace,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

function* inBlocks(lines: Iterable<string>): Iterable<Buffer> {
  let block = ''
  for (const line of lines) {
    block += line
    if (block.length < 1024 * 1024) continue
    yield Buffer.from(block)
    block = ''
  }
  yield Buffer.from(block)
}

/** Returns the offset after the last complete line. */
function forEachLine(bytes: Buffer, onLine: (line: string) => void): number {
  let start = 0
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    onLine(bytes.toString('utf8', start, end))
    start = end + 1
  }
  return start
}

/** One line of a journal: CRC-32 of the JSON in 8 hex digits, a space, the JSON, a newline. */
export function encodeLine(record: object): string {
  const json = JSON.stringify(record)
  return `${checksum(json)} ${json}\n`
}

/** Undefined if the line is damaged, or not a record of this journal. */
function decodeLine<T>(line: string, validator: RecordValidator<T>): T | undefined {
  const json = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return validator.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
