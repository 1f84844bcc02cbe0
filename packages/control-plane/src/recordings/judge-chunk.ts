import { finalChunkFlag } from '@plexd/protocol'
import type { PutResult, SentChunk } from './store.ts'

/** What there is of a recording when a chunk of it comes. */
export interface FoundChunks {
  /** The bytes at its index. */
  known: Uint8Array | undefined
  held: HeldChunks | undefined
  /** Whether there is one behind it; asked only where it matters. */
  hasLater(): boolean
}

/** Of a row of holdings. */
export interface HeldChunks {
  bytes: number
  chunks: number
  /** The index that the node calls the last, once that is here. */
  last: number | null
}

/** What becomes of it, and `new` if it is to be stored. Pure. */
export function judgeChunk(
  { index, bytes }: Pick<SentChunk, 'index' | 'bytes'>,
  { known, held, hasLater }: FoundChunks,
  maxBytes: number,
): PutResult['outcome'] | 'new' {
  if (known) return Buffer.compare(known, bytes) === 0 ? 'kept' : 'different'
  const isBeyond = index > (held?.last ?? Number.POSITIVE_INFINITY)
  if (isBeyond || (isLast(bytes) && hasLater())) return 'beyond'
  return (held?.bytes ?? 0) + bytes.length > maxBytes ? 'full' : 'new'
}

/** Whether its node calls it the last. */
export function isLast(bytes: Uint8Array): boolean {
  return bytes[0] === finalChunkFlag
}

export function isComplete(held: HeldChunks | undefined): boolean {
  return held !== undefined && held.last !== null && held.chunks === held.last + 1
}
