/** What waits of a kind, as it is known in memory: records, or the gap that stands for them. */
export interface Block {
  /** Of its item in the queue. */
  number: number
  first: number
  count: number
  /** Of its lines, unpacked; 0 of a gap. */
  rawBytes: number
  /** What it takes of the queue's room. */
  storedBytes: number
  /** When the first of it was handed over, in ms since 1970. */
  atMs: number
  /** Why the records were dropped, if this is a gap. */
  gapReason: string | undefined
  /** Whether it may have arrived already: it was sent, and nobody knows what came of it. */
  isTried: boolean
  /** Whether a request ended with it: what comes after may have arrived or not, whatever came of this. */
  endsBatch: boolean
  /** Only what is on the disk is sent: after a crash its positions would be given to others. */
  isOnDisk: boolean
}

/** How much is sent in a request, and kept in a block. */
export interface BatchLimit {
  records: number
  rawBytes: number
}

/**
 * Blocks at the end that are written anew together with what is added, so that many small ones do not take memory each: those that
 * are no larger than what follows them, so that each record is written anew a few times at most. Pure.
 */
export function blocksToJoin(
  blocks: readonly Block[],
  added: { count: number; rawBytes: number },
  limit: BatchLimit,
): Block[] {
  let { count, rawBytes } = added
  let from = blocks.length
  for (const block of blocks.toReversed()) {
    count += block.count
    if (isGap(block) || block.isTried || !block.isOnDisk || block.rawBytes > rawBytes) break
    rawBytes += block.rawBytes
    if (count > limit.records || rawBytes > limit.rawBytes) break
    from--
  }
  return blocks.slice(from)
}

/** A block that becomes a gap, and those after it for which the gap stands too. */
export interface Drop {
  into: Block
  others: Block[]
}

/** About what a gap takes of the queue's room. */
const gapBytes = 256

/**
 * The oldest records that have to give way, for so many bytes. A gap stands for what was sent in the same requests, if in any: either
 * all of it has arrived or nothing, and the gap is stored exactly if the records are not. Pure.
 */
export function planDrops(blocks: readonly Block[], bytes: number): Drop[] {
  const drops: Drop[] = []
  let left = bytes
  for (const block of blocks) {
    if (left <= 0) break
    const last = drops.at(-1)
    if (last && canJoin(last, block)) {
      last.others.push(block)
      left -= block.storedBytes
    } else {
      drops.push({ into: block, others: [] })
      if (!isGap(block)) left -= block.storedBytes - gapBytes
    }
  }
  return drops.filter(({ into, others }) => !isGap(into) || others.length > 0)
}

function canJoin(last: Drop, block: Block): boolean {
  const before = lastOf(last)
  return !before.endsBatch && isAfter(before, block)
}

export function isGap({ gapReason }: Block): boolean {
  return gapReason !== undefined
}

export function lastOf({ into, others }: Drop): Block {
  return others.at(-1) ?? into
}

function isAfter(block: Block, next: Block): boolean {
  return block.first + block.count === next.first
}

/**
 * The oldest that are sent together: records whose positions follow upon each other; or one gap, whose record has the position of
 * the last that it stands for. Pure.
 */
export function batchOf(blocks: readonly Block[], limit: BatchLimit): Block[] {
  const batch: Block[] = []
  let [count, rawBytes] = [0, 0]
  for (const block of blocks) {
    const previous = batch.at(-1)
    count += block.count
    rawBytes += block.rawBytes
    if (!block.isOnDisk) break
    if (previous && (isGap(block) || isGap(previous) || !isAfter(previous, block))) break
    if (previous && (count > limit.records || rawBytes > limit.rawBytes)) break
    batch.push(block)
  }
  return batch
}

/**
 * Those of which, after a start, nobody knows whether an earlier run has sent them. It sent them in order, and one batch at a time.
 * Pure.
 */
export function maybeTried(blocks: readonly Block[], limit: BatchLimit): Block[] {
  let count = 0
  const beyond = blocks.findIndex((block, index) => {
    count += block.count
    return index > 0 && count > limit.records
  })
  return beyond === -1 ? [...blocks] : blocks.slice(0, beyond)
}
