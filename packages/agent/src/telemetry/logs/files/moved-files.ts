import { describeError, type Log } from '@plexd/runtime'
import { type FollowedFile, type ReadDeps, readFile } from './followed-file.ts'
import type { KeptPositions } from './kept-positions.ts'

/** Files that are called otherwise now, or were removed, and that programs may still have open. */
export interface MovedFiles extends AsyncDisposable {
  add(file: FollowedFile): void
  hasAny(): boolean
  /** It has its name back. */
  take(id: string): FollowedFile | undefined
  /** Reads what was written to them, and closes those to which nobody writes any more. */
  read(): Promise<void>
}

/** Programs write to the old file until they are told of the rotation. */
const movedMs = 5 * 60_000
/** One that was removed takes its place on the disk for as long as it is open. */
const removedMs = 10_000
const maxChunks = 64

export function createMovedFiles({
  deps,
  positions,
  log,
}: {
  deps: ReadDeps
  positions: KeptPositions
  log: Log
}): MovedFiles {
  const { clock, signal } = deps
  const moved = new Map<string, { file: FollowedFile; sinceMs: number }>()

  /** Whether nobody writes to it any more, and all of it was read. */
  async function isOver(file: FollowedFile, sinceMs: number): Promise<boolean> {
    for (let chunk = 0; (await readFile(file, deps)) === 'more'; chunk++)
      if (chunk === maxChunks) return false
    const { nlink } = await file.handle.stat()
    const quietMs = clock.monotonic() - Math.max(sinceMs, file.quietMs)
    if (quietMs < (nlink === 0 ? removedMs : movedMs)) return false
    await readFile(file, deps, true)
    return true
  }

  async function isDone(file: FollowedFile, sinceMs: number): Promise<boolean> {
    try {
      return await isOver(file, sinceMs)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('a file cannot be read', { path: file.path, error: describeError(error) })
      return true
    }
  }

  return {
    add: (file) => void moved.set(file.id, { file, sinceMs: clock.monotonic() }),
    hasAny: () => moved.size > 0,
    take(id) {
      const found = moved.get(id)
      moved.delete(id)
      return found?.file
    },
    async read() {
      for (const [id, { file, sinceMs }] of moved) {
        if (!(await isDone(file, sinceMs))) continue
        moved.delete(id)
        await file.handle.close()
        positions.forget(id)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { file } of moved.values()) await file.handle.close()
    },
  }
}
