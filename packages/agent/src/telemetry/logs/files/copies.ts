import { constants } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { identify } from './find-files.ts'
import { type Position, readAt, readPart } from './position.ts'

/** A rotation that leaves more beside a file is not looked through. */
const maxBeside = 1_000
const headBytes = 256

/**
 * What a rotation has made of the contents of a file, by copying or by renaming it: the newest file beside it that begins with all
 * that was read. The caller closes it.
 */
export async function openRest(
  { path, offset, print }: Pick<Position, 'path' | 'offset' | 'print'>,
  id: string,
): Promise<{ id: string; file: FileHandle } | undefined> {
  if (offset === 0) return undefined
  for (const beside of await filesBeside(path)) {
    if (beside.id === id || beside.size < offset) continue
    const file = await openToRead(beside.path).catch(() => undefined)
    if (file && (await readPart(file, offset, 0)).print === print) return { id: beside.id, file }
    await file?.close()
  }
  return undefined
}

/** The path of the file with that identity, whatever it is called now, in the folder of `path`. */
export async function findMoved(path: string, id: string): Promise<string | undefined> {
  return (await filesBeside(path)).find((beside) => beside.id === id)?.path
}

/** Whether a new file is what a rotation makes of a followed one: called like it, with all that was read of it or, while it is being copied, its beginning. */
export async function isCopyOf(
  file: FileHandle,
  path: string,
  original: { path: string; handle: FileHandle; position: Position },
): Promise<boolean> {
  const { offset, print } = original.position
  if (offset === 0 || !isCalledLike(path, original.path)) return false
  if ((await readPart(file, offset, 0)).print === print) return true
  const size = Math.min(headBytes, offset)
  const [ours, its] = [await readAt(file, 0, size), await readAt(original.handle, 0, size)]
  return ours.length === size && ours.equals(its)
}

/** As `app.log.1`, `app.log-20250115`, `app-20250115.log` are called like `app.log`. Pure. */
function isCalledLike(path: string, original: string): boolean {
  if (path === original || dirname(path) !== dirname(original)) return false
  const [name, other] = [basename(path), basename(original)]
  const stem = basename(other, extname(other))
  return (
    name.startsWith(other) ||
    (name.startsWith(stem) && /^[^A-Za-z0-9]/.test(name.slice(stem.length)))
  )
}

/** Neither waits for the other end of a pipe nor takes a terminal, should the file have been replaced since it was looked at. */
export function openToRead(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
}

/** The newest first. */
async function filesBeside(path: string): Promise<{ path: string; id: string; size: number }[]> {
  const folder = dirname(path)
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names
      .map((name) => join(folder, name))
      .filter((beside) => isCalledLike(beside, path))
      .slice(0, maxBeside)
      .map(async (beside) => {
        const stats = await stat(beside).catch(() => undefined)
        return stats?.isFile() ? [{ path: beside, stats }] : []
      }),
  )
  return found
    .flat()
    .sort((a, b) => b.stats.mtimeMs - a.stats.mtimeMs)
    .map(({ path: at, stats }) => ({ path: at, id: identify(stats), size: stats.size }))
}
