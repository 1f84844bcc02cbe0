import { bytesOf, type QueueContents, type Waiting } from './contents.ts'

/** What a queue may take. */
export interface QueueLimit {
  bytes: number
  items?: number
}

/** How much is read at a time; the first item comes whatever it takes. */
export interface ReadLimit {
  items: number
  bytes: number
}

/** The oldest items that have to give way to these, as numbers; undefined if there would be no room even then. Pure. */
export function itemsOver(
  contents: Pick<QueueContents, 'all' | 'count' | 'bytes'>,
  limit: QueueLimit,
  added: readonly string[],
): number[] | undefined {
  const maxItems = limit.items ?? Number.POSITIVE_INFINITY
  let bytes = contents.bytes() + added.reduce((sum, json) => sum + bytesOf(json), 0)
  let items = contents.count() + added.length
  const over: number[] = []
  for (const entry of contents.all()) {
    if (bytes <= limit.bytes && items <= maxItems) break
    over.push(entry.number)
    bytes -= entry.bytes
    items--
  }
  return bytes <= limit.bytes && items <= maxItems ? over : undefined
}

/** The oldest items that are read together. Pure. */
export function itemsToRead(
  all: Iterable<Waiting>,
  limit: ReadLimit,
  isWanted: (entry: Waiting) => boolean,
): Waiting[] {
  const taken: Waiting[] = []
  let bytes = 0
  for (const entry of all) {
    if (!isWanted(entry)) continue
    bytes += entry.bytes
    if (taken.length > 0 && bytes > limit.bytes) break
    taken.push(entry)
    if (taken.length >= limit.items) break
  }
  return taken
}

/** What a queue in which nothing waits may leave on the disk. */
const emptyBytes = 64 * 1024
/** What may be on the disk beside what waits: more, and old segments are kept by a few items that cannot be sent. */
const spareBytes = 4 * 1024 * 1024

/** What to do with the oldest segment: `copy` its items to the end of the queue, after which it can be removed. Pure. */
export function tidyOldest(found: {
  segments: number
  diskBytes: number
  waitingBytes: number
  inOldest: number
}): 'remove' | 'copy' | 'keep' {
  const { segments, diskBytes, waitingBytes, inOldest } = found
  if (inOldest === 0 && segments > 1) return 'remove'
  if (inOldest === 0 && segments === 1) return diskBytes > emptyBytes ? 'remove' : 'keep'
  return segments > 1 && diskBytes > spareBytes + 2 * waitingBytes ? 'copy' : 'keep'
}
