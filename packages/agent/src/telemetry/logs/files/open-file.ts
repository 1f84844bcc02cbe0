import type { FileHandle } from 'node:fs/promises'
import type { Clock } from '@plexd/runtime'
import { isCopyOf, openToRead } from './copies.ts'
import { identify } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'
import { copyPosition, type KeptPositions } from './kept-positions.ts'
import { noPrint, type Position, readAt, readPart } from './position.ts'

export interface OpenDeps {
  positions: KeptPositions
  /** Those that are followed: a new file may be a copy of one. */
  followed(): Iterable<FollowedFile>
  clock: Pick<Clock, 'monotonic'>
}

export interface Opened {
  id: string
  path: string
  /** Where it begins for us if it was never read: at its beginning if it is new, at its end, or at an end that was seen before. */
  from: 'beginning' | 'end' | number
}

/** Goes on where it was read to. */
export async function openFile(
  { id, path, from }: Opened,
  { positions, followed, clock }: OpenDeps,
): Promise<FollowedFile> {
  const handle = await openToRead(path)
  try {
    const stats = await handle.stat()
    if (!stats.isFile() || identify(stats) !== id) throw new Error(`"${path}" was replaced`)
    const kept = positions.of(id)
    const first = () =>
      from === 'beginning'
        ? firstOf(handle, path, followed())
        : endOf(handle, path, from === 'end' ? stats.size : from)
    const position = kept ?? (await first())
    if (!kept) positions.keep(id, position)
    return { id, path, handle, position, quietMs: clock.monotonic() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function firstOf(
  handle: FileHandle,
  path: string,
  followed: Iterable<FollowedFile>,
): Promise<Position> {
  for (const original of followed) if (await isCopyOf(handle, path, original)) return copyPosition
  return { path, offset: 0, skip: '', print: noPrint, isCopy: false }
}

/** In the middle of a line, the next line is the first. */
async function endOf(handle: FileHandle, path: string, size: number): Promise<Position> {
  const { print } = await readPart(handle, size, 0)
  const last = await readAt(handle, Math.max(0, size - 1), 1)
  const isWhole = size === 0 || last[0] === newline
  // Empty if it has become shorter: then it is read anew.
  return { path, offset: size, skip: isWhole ? '' : 'line', print, isCopy: false }
}

const newline = 0x0a
