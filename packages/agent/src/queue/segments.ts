import { chmod, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, syncFolder, undefinedIfMissing } from '@plexd/runtime'
import { type AppendFile, openAppendFile } from '../disk/append-file.ts'

/** The files of a queue, numbered in the order in which they were begun. Only the last one is written to. */
export interface Segments extends AsyncDisposable {
  /** Their numbers, oldest first. */
  numbers(): number[]
  /** What all of them take on the disk. */
  bytes(): number
  /** Resolves when the bytes are on the disk, to where they begin; if it rejects, none of them is. Calls must not overlap. */
  append(bytes: Uint8Array): Promise<{ segment: number; offset: number }>
  read(parts: readonly SegmentPart[]): Promise<Buffer[]>
  removeOldest(): Promise<void>
}

interface SegmentPart {
  segment: number
  offset: number
  length: number
}

/** A longer segment takes no more lines, so that what has been sent can be removed soon. */
const segmentBytes = 1024 * 1024

/**
 * Opens the folder, which is created (0700) with the first bytes, and passes each file to `onSegment`, which returns where its
 * complete lines end. Rejects if a file cannot be read.
 */
export async function openSegments(
  folder: string,
  onSegment: (number: number, bytes: Buffer) => number,
): Promise<Segments> {
  const sizes = new Map<number, number>()
  for (const number of await numbersIn(folder))
    sizes.set(number, onSegment(number, await readFile(pathOf(folder, number))))
  let last = [...sizes.keys()].at(-1) ?? 0
  let file: AppendFile | undefined

  async function append(bytes: Uint8Array) {
    const to = file && file.end() <= segmentBytes ? file : await openLast()
    const offset = await to.append(bytes)
    sizes.set(last, to.end())
    return { segment: last, offset }
  }

  /** The last one, or a new one after it. */
  async function openLast(): Promise<AppendFile> {
    await close()
    const endBytes = sizes.get(last) ?? Number.POSITIVE_INFINITY
    const isNew = endBytes > segmentBytes
    const number = isNew ? last + 1 : last
    await prepare(folder)
    file = await openAppendFile(pathOf(folder, number), isNew ? 0 : endBytes)
    last = number
    sizes.set(number, file.end())
    return file
  }

  async function close(): Promise<void> {
    await file?.[Symbol.asyncDispose]()
    file = undefined
  }

  return {
    numbers: () => [...sizes.keys()],
    bytes: () => sizes.values().reduce((sum, size) => sum + size, 0),
    append,
    read: (parts) => Promise.all(parts.map((part) => readPart(folder, part))),
    async removeOldest() {
      const [number] = sizes.keys()
      if (number === undefined) return
      if (number === last) await close()
      await rm(pathOf(folder, number), { force: true })
      sizes.delete(number)
    },
    [Symbol.asyncDispose]: close,
  }
}

async function readPart(folder: string, { segment, offset, length }: SegmentPart): Promise<Buffer> {
  await using file = await open(pathOf(folder, segment))
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset)
  return buffer
}

async function prepare(folder: string): Promise<void> {
  if (!makeFolder(folder)) return
  await chmod(folder, 0o700)
  await syncFolder(dirname(folder))
}

async function numbersIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder).catch(undefinedIfMissing)) ?? []
  return names
    .flatMap((name) => /^(\d{9,15})\.segment$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

function pathOf(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(9, '0')}.segment`)
}
