import { bytesOf } from '../../queue/contents.ts'
import { become, blockOf, gapOver } from './block-item.ts'
import {
  type BatchLimit,
  type Block,
  type Drop,
  isGap,
  lastOf,
  maybeTried,
  planDrops,
} from './plan.ts'
import { type PlannedChange, planned } from './planned-change.ts'
import type { StoredBlock } from './stored-item.ts'

export interface WaitingRecords {
  records: number
  bytes: number
  /** When the oldest were handed over; undefined for none. */
  oldestMs: number | undefined
  /** Since the start, and why the last of them were. */
  dropped: number
  lastDrop: string
}

/** The blocks that wait, each an item of the queue. Does nothing to the disk: what changes them is a change of the queue first. */
export interface WaitingBlocks {
  load(value: StoredBlock, number: number): void
  /** All are loaded; nobody knows which of them an earlier run has sent, in batches of that size. */
  loaded(batch: BatchLimit): void
  /** In the order of their positions. */
  list(): readonly Block[]
  find(number: number): Block | undefined
  /** The position behind the last; 0 for none. */
  end(): number
  /** A new one, or that in place of the last ones, which are in it. The oldest give way, if the queue is `overBytes` too large without it. */
  add(value: StoredBlock, joined: readonly Block[], overBytes: number): PlannedChange
  /** The queue has let go of its item, or nobody takes it. */
  becomeGap(block: Block, reason: string): PlannedChange
  split(block: Block, first: StoredBlock, second: StoredBlock): PlannedChange
  remove(numbers: readonly number[]): PlannedChange
  /** All that was applied is on the disk. */
  stored(): void
  waiting(): WaitingRecords
}

export function createWaitingBlocks(): WaitingBlocks {
  const blocks: Block[] = []
  let dropped = 0
  let lastDrop = ''

  function forget(block: Block): void {
    const at = blocks.indexOf(block)
    if (at !== -1) blocks.splice(at, 1)
  }

  function find(number: number): Block | undefined {
    return blocks.find((block) => block.number === number)
  }

  function applyDrop(drop: Drop): void {
    const { into, others } = drop
    const gap = gapOver(drop)
    for (const block of [into, ...others]) if (!isGap(block)) dropped += block.count
    lastDrop = gap.reason
    become(into, gap)
    into.endsBatch = lastOf(drop).endsBatch
    for (const block of others) forget(block)
  }

  return {
    load(value, number) {
      blocks.push({ ...blockOf(value), number, isOnDisk: true })
    },
    loaded(batch) {
      blocks.sort((a, b) => a.first - b.first)
      for (const block of maybeTried(blocks, batch))
        Object.assign(block, { isTried: true, endsBatch: true })
    },
    list: () => blocks,
    find,
    end() {
      const last = blocks.at(-1)
      return last ? last.first + last.count : 0
    },
    add(value, joined, overBytes) {
      const [into, ...others] = joined
      const isNew = value.count > 0 && !into
      const freed = joined.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
      const older = blocks.slice(0, blocks.length - joined.length)
      const drops = planDrops(older, overBytes - freed + bytesOf(JSON.stringify(value)))
      const replaced = drops.map((drop) => ({ number: drop.into.number, value: gapOver(drop) }))
      const gone = [...drops.flatMap((drop) => drop.others), ...others]
      return planned(
        {
          put: into ? [...replaced, { number: into.number, value }] : replaced,
          added: isNew ? [value] : [],
          removed: gone.map(({ number }) => number),
        },
        ([number = 0]) => {
          for (const drop of drops) applyDrop(drop)
          for (const block of others) forget(block)
          if (into) become(into, value)
          if (isNew) blocks.push({ ...blockOf(value), number })
        },
      )
    },
    becomeGap(block, reason) {
      const { first, count, atMs } = block
      const gap: StoredBlock = { type: 'gap', first, count, at: atMs, reason }
      return planned({ removed: [block.number], added: [gap] }, ([number = 0]) => {
        become(block, gap)
        block.number = number
        dropped += count
        lastDrop = reason
      })
    },
    split(block, first, second) {
      const { number } = block
      return planned({ put: [{ number, value: first }], added: [second] }, ([made = 0]) => {
        // An earlier request with all of it may have arrived all the same.
        const { isTried, endsBatch } = block
        become(block, first)
        const rest = { ...blockOf(second), number: made, isTried, endsBatch }
        blocks.splice(blocks.indexOf(block) + 1, 0, rest)
      })
    },
    remove: (numbers) =>
      planned({ removed: numbers }, () => {
        for (const number of numbers) {
          const block = find(number)
          if (block) forget(block)
        }
      }),
    stored() {
      for (const block of blocks) block.isOnDisk = true
    },
    waiting: () => ({
      records: blocks.reduce((sum, block) => sum + (isGap(block) ? 0 : block.count), 0),
      bytes: blocks.reduce((sum, block) => sum + block.storedBytes, 0),
      oldestMs: blocks[0]?.atMs,
      dropped,
      lastDrop,
    }),
  }
}
