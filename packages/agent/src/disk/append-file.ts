import { constants } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '@plexd/runtime'

/** A file that is only written to at its end. Calls must not overlap. */
export interface AppendFile extends AsyncDisposable {
  /** Bytes that are certainly on disk. */
  end(): number
  /** Resolves when the bytes are on disk, to where they begin. If it rejects, none of them is, and it may be called again. */
  append(bytes: Uint8Array): Promise<number>
  /** Takes the place of the file of that name, in the same folder. */
  rename(path: string): Promise<void>
  /** Makes its name durable; otherwise the contents could be lost in a power failure. The next `append` does it too. */
  syncName(): Promise<void>
}

/** Opens or creates it (0600). What is behind `end` is cut off before anything is written. */
export async function openAppendFile(path: string, end = 0): Promise<AppendFile> {
  // O_DSYNC: a write returns when its bytes are on disk, in one call instead of write and fsync.
  const { O_CREAT, O_RDWR, O_DSYNC } = constants
  const file = await open(path, O_CREAT | O_RDWR | O_DSYNC, 0o600)
  const folder = dirname(path)
  let torn = true // there may be half a line behind the end
  let nameSynced = false

  async function append(bytes: Uint8Array): Promise<number> {
    if (torn) await cut()
    if (!nameSynced) await syncName()
    torn = true
    try {
      await writeAll(bytes)
    } catch (error) {
      // Now, not before the next write: after a restart in between, lines would exist whose writers got an error.
      await cut().catch(() => {})
      throw error
    }
    const start = end
    end += bytes.length
    torn = false
    return start
  }

  async function writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, end + done)
      done += bytesWritten
    }
  }

  async function cut(): Promise<void> {
    await file.truncate(end)
    torn = false
  }

  async function syncName(): Promise<void> {
    await syncFolder(folder)
    nameSynced = true
  }

  return {
    end: () => end,
    append,
    async rename(to) {
      await rename(path, to)
      nameSynced = false
    },
    syncName,
    [Symbol.asyncDispose]: () => file.close(),
  }
}
