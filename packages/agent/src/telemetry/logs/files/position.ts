/** How far a file has been read, as it is kept beside the records. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Skip } from '../records/take-records.ts'

export interface Position {
  /** Its name when it was first seen, by which its records are found. */
  path: string
  /** What is before it is read. */
  offset: number
  skip: Skip
  /** Of what is before the offset, by which the file is known again, and a copy of it too. */
  print: string
  /** It is a copy that a rotation has made: nothing of it is read. */
  isCopy: boolean
}

const Kept = Type.Object({
  path: Type.String(),
  offset: Type.Integer({ minimum: 0 }),
  skip: Type.Enum(['', 'line', 'record']),
  print: Type.String(),
  isCopy: Type.Boolean(),
})

/** Undefined for what no version of us has written. */
export function parsePosition(text: string | undefined): Position | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return Value.Check(Kept, value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Of a file of which nothing was read. */
export const noPrint = createHash('sha256').digest('base64url').slice(0, 22)

/** Inodes are used again, so a file is not known by its number alone. */
const sideBytes = 256

/** A part of a file, with the print of what is before it. */
export interface Part {
  bytes: Buffer
  print: string
  /** That of the file up to so many of the bytes. */
  printAt(length: number): string
}

/**
 * As many bytes as there are behind the offset, `size` at most. A print is a hash of the first bytes of a file, and of those before its
 * end: two files whose first lines are the same have other times in their last ones. Empty if the file is not so long.
 */
export async function readPart(file: FileHandle, offset: number, size: number): Promise<Part> {
  const start = Math.max(0, offset - sideBytes)
  const all = await readAt(file, start, offset - start + size)
  // After that: a file that is written anew meanwhile has another beginning than what was read.
  const head = start === 0 ? all : await readAt(file, 0, sideBytes)

  function printTo(end: number): string {
    const side = Math.min(sideBytes, end)
    if (head.length < side || all.length < end - start) return ''
    const tail = all.subarray(end - start - side, end - start)
    const hash = createHash('sha256').update(head.subarray(0, side)).update(tail)
    return hash.digest('base64url').slice(0, 22)
  }

  return {
    bytes: all.subarray(offset - start),
    print: printTo(offset),
    printAt: (length) => printTo(offset + length),
  }
}

/** As many as there are, in a new buffer. */
export async function readAt(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, offset + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}
