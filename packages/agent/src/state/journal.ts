import { constants } from 'node:fs'
import { chmod, type FileHandle, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, syncFolder } from '@plexd/runtime'

/** An append-only file of lines that is occasionally replaced as a whole. Calls must not overlap. */
export interface Journal extends AsyncDisposable {
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

/**
 * Opens or creates the file (0600, its folder 0700) and passes each complete line, without its newline, to `onLine`.
 * A last line without a newline was cut off by a crash: it was never acknowledged, and is removed.
 * Rejects if the file cannot be read or written.
 */
export async function openJournal(path: string, onLine: (line: string) => void): Promise<Journal> {
  const folder = dirname(path)
  await prepareFolder(folder)
  let file = await openForAppend(path)
  let end = forEachLine(await readFile(path), onLine)
  let torn = true // there may be half a line behind the end
  let folderSynced = false

  async function append(lines: string): Promise<void> {
    const bytes = Buffer.from(lines)
    if (torn) await cut()
    if (!folderSynced) await syncEntry()
    torn = true
    try {
      await writeAll(file, bytes, end)
    } catch (error) {
      // Now, not before the next write: after a restart in between, lines would exist whose writers got an error.
      await cut().catch(() => {})
      throw error
    }
    end += bytes.length
    torn = false
  }

  async function replace(lines: Iterable<string>): Promise<void> {
    const temporary = join(folder, `${temporaryPrefix}${crypto.randomUUID()}`)
    const next = await openForAppend(temporary)
    let written = 0
    try {
      for (const bytes of inBlocks(lines)) {
        await writeAll(next, bytes, written)
        written += bytes.length
      }
      await rename(temporary, path)
    } catch (error) {
      await next.close()
      await rm(temporary, { force: true })
      throw error
    }
    await file.close()
    file = next
    end = written
    torn = false
    folderSynced = false
    await syncEntry()
  }

  async function cut(): Promise<void> {
    await file.truncate(end)
    torn = false
  }

  /** Makes the file's name durable; otherwise its contents could be lost in a power failure. */
  async function syncEntry(): Promise<void> {
    await syncFolder(folder)
    folderSynced = true
  }

  return { size: () => end, append, replace, [Symbol.asyncDispose]: () => file.close() }
}

const temporaryPrefix = '.tmp-'

async function prepareFolder(folder: string): Promise<void> {
  makeFolder(folder)
  await chmod(folder, 0o700)
  for (const name of await readdir(folder))
    if (name.startsWith(temporaryPrefix)) await rm(join(folder, name), { force: true })
}

/** O_DSYNC: a write returns when its bytes are on disk, in one call instead of write and fsync. */
function openForAppend(path: string): Promise<FileHandle> {
  const { O_CREAT, O_RDWR, O_DSYNC } = constants
  return open(path, O_CREAT | O_RDWR | O_DSYNC, 0o600)
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
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
