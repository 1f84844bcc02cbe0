import { randomBytes } from 'node:crypto'
import { type Clock, createSerialQueue } from '@plexd/runtime'
import { bytesOf } from '../../queue/contents.ts'
import type { Queue, QueueChange } from '../../queue/queue.ts'
import {
  become,
  blockOf,
  bodyOf,
  gapOver,
  recordsOf,
  type TakenBlock,
  taken,
} from './block-item.ts'
import { countOf, type Draft } from './draft.ts'
import {
  type BatchLimit,
  type Block,
  batchOf,
  blocksToJoin,
  type Drop,
  isGap,
  lastOf,
  maybeTried,
  planDrops,
} from './plan.ts'
import { createStoredCursors } from './stored-cursors.ts'
import { type StoredBlock, type StoredItem, unpackLines } from './stored-item.ts'

/** The records of a kind that wait for the control plane, in blocks, each an item of a queue; and how far their sources were read. */
export interface BlockStore {
  /** Resolves when it is on the disk with its cursors; past the byte cap the oldest give way to it. Calls must not overlap. */
  add(draft: Draft, signal: AbortSignal): Promise<void>
  /** The oldest blocks that are sent together, one at least if any can be; from now on they may have arrived. */
  take(limit: BatchLimit): Promise<TakenBlock[]>
  /** They have arrived, or never will. */
  remove(numbers: readonly number[]): Promise<void>
  /** The block is too large to be sent at once: makes two of it. */
  split(number: number): Promise<void>
  /** The block becomes a gap. */
  drop(number: number, reason: string): Promise<void>
  /** Counts in a new epoch: the control plane has other records under these positions. */
  renew(): Promise<void>
  epoch(): string
  waiting(): WaitingRecords
  /** Of what is on the disk. */
  cursor(source: string): string | undefined
  sources(): string[]
}

export interface WaitingRecords {
  records: number
  bytes: number
  /** When the oldest were handed over; undefined for none. */
  oldestMs: number | undefined
  /** Since the start, and why the last of them were. */
  dropped: number
  lastDrop: string
}

export interface BlockStoreOptions {
  maxBytes: number
  batch: BatchLimit
  /** With so many, small ones are joined; with fewer they are left as they come, for they are sent soon. */
  joinOverBlocks: number
  /** What stands in the place of a record that cannot be written. */
  lineOfLost(gap: { first: number; reason: string }, atMs: number): string
  clock: Pick<Clock, 'sleep'>
  /** Whether parts of the queue were damaged, and with them perhaps its last positions. */
  isDamaged: boolean
}

/** More positions than damaged files can have had. */
const positionsOverDamage = 2 ** 32
/** How long after a write that failed the disk is tried again. */
const retryMs = 1_000

export async function openBlockStore(
  queue: Queue<StoredItem>,
  { maxBytes, batch, joinOverBlocks, lineOfLost, clock, isDamaged }: BlockStoreOptions,
): Promise<BlockStore> {
  const inTurn = createSerialQueue()
  /** In the order of their positions. */
  const blocks: Block[] = []
  const cursors = createStoredCursors()
  const position = { number: 0, epoch: newEpoch(), next: 0 }
  let dropped = 0
  let lastDrop = ''

  await load()

  async function load(): Promise<void> {
    await queue.each(({ number, value }) => {
      if (value.type === 'position') Object.assign(position, value, { number })
      else if (value.type === 'cursor') cursors.load(value, number)
      else blocks.push({ ...blockOf(value), number, isOnDisk: true })
    })
    blocks.sort((a, b) => a.first - b.first)
    for (const block of maybeTried(blocks, batch))
      Object.assign(block, { isTried: true, endsBatch: true })
    const last = blocks.at(-1)
    position.next = Math.max(position.next, last ? last.first + last.count : 0)
    if (isDamaged) position.next += positionsOverDamage
    await writePosition()
  }

  async function writePosition(): Promise<void> {
    const { number, ...value } = position
    const item: StoredItem = { ...value, type: 'position' }
    if (number !== 0) return void (await commit({ put: [{ number, value: item }] }))
    await commit({ added: [item] }, ([made = 0]) => {
      position.number = made
    })
  }

  /** Resolves to whether it is on the disk, with all that earlier ones may have left in memory. */
  async function commit(
    change: QueueChange<StoredItem>,
    apply: (numbers: readonly number[]) => void = () => {},
  ): Promise<boolean> {
    const { isOnDisk, numbers } = await queue.change(change)
    apply(numbers)
    if (isOnDisk) noteStored()
    return isOnDisk
  }

  function noteStored(): void {
    for (const block of blocks) block.isOnDisk = true
    cursors.stored()
  }

  async function addNow(draft: Draft): Promise<boolean> {
    const { value, joined } = await blockFor(draft)
    const isNew = countOf(draft) > 0 && joined.length === 0
    const [into, ...others] = joined
    const older = blocks.slice(0, blocks.length - joined.length)
    const freed = joined.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
    const over = queue.waiting().bytes - freed + bytesOf(JSON.stringify(value)) - maxBytes
    const drops = planDrops(older, over)
    position.next += countOf(draft)
    const { number, epoch, next } = position
    const told = cursors.changeTo(draft.cursors)
    return commit(
      {
        put: [
          ...drops.map((drop) => ({ number: drop.into.number, value: gapOver(drop) })),
          ...(into ? [{ number: into.number, value }] : []),
          ...told.put,
          { number, value: { type: 'position', epoch, next } },
        ],
        added: [...(isNew ? [value] : []), ...told.added],
        removed: [
          ...drops.flatMap((drop) => drop.others.map((block) => block.number)),
          ...others.map((block) => block.number),
          ...told.removed,
        ],
      },
      (numbers) => {
        for (const drop of drops) applyDrop(drop)
        for (const block of others) forget(block)
        if (into) become(into, value)
        if (isNew) blocks.push({ ...blockOf(value), number: numbers[0] ?? 0 })
        told.apply(numbers.slice(isNew ? 1 : 0))
      },
    )
  }

  /** The item for the draft, and the blocks that are in it too. */
  async function blockFor(draft: Draft): Promise<{ value: StoredBlock; joined: Block[] }> {
    const { atMs } = draft
    const first = position.next
    if (draft.lines === undefined) {
      const { lost: count, reason } = draft
      return { value: { type: 'gap', first, count, at: atMs, reason }, joined: [] }
    }
    const lines = draft.lines.map((line, index) =>
      typeof line === 'string' ? line : lineOfLost({ first: first + index, ...line }, atMs),
    )
    const size = { count: lines.length, rawBytes: draft.rawBytes }
    const joined = blocks.length > joinOverBlocks ? blocksToJoin(blocks, size, batch) : []
    const [into] = joined
    const before = into && (await linesIn(joined))
    if (!into || !before) return { value: await recordsOf({ first, atMs }, lines), joined: [] }
    return { value: await recordsOf(into, [...before, ...lines]), joined }
  }

  /** Undefined if one cannot be read. */
  async function linesIn(some: readonly Block[]): Promise<string[] | undefined> {
    const items = await queue.get(some.map(({ number }) => number))
    const packed = items.flatMap(({ value }) => (value.type === 'records' ? value.body : []))
    if (packed.length < some.length) return undefined
    return unpackLines(Buffer.concat(packed.map((body) => Buffer.from(body, 'base64'))))
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

  function forget(block: Block): void {
    const at = blocks.indexOf(block)
    if (at !== -1) blocks.splice(at, 1)
  }

  function find(number: number): Block | undefined {
    return blocks.find((block) => block.number === number)
  }

  async function take(limit: BatchLimit): Promise<TakenBlock[]> {
    for (;;) {
      const chosen = batchOf(blocks, limit)
      const records = chosen.filter((block) => !isGap(block))
      const items = await queue.get(records.map(({ number }) => number))
      const bodies = new Map(items.map(({ number, value }) => [number, bodyOf(value)]))
      const lost = records.find(({ number }) => bodies.get(number) === undefined)
      if (lost) await becomeGap(lost, 'they could not be read from the disk')
      else
        return chosen.map((block) =>
          taken(block, block === chosen.at(-1), bodies.get(block.number)),
        )
    }
  }

  /** The queue has let go of the item. */
  async function becomeGap(block: Block, reason: string): Promise<void> {
    const { first, count, atMs } = block
    const gap: StoredBlock = { type: 'gap', first, count, at: atMs, reason }
    await commit({ removed: [block.number], added: [gap] }, ([number = 0]) => {
      become(block, gap)
      block.number = number
      dropped += count
      lastDrop = reason
    })
  }

  async function split(number: number): Promise<void> {
    const block = find(number)
    const lines = block && !isGap(block) ? await linesIn([block]) : undefined
    if (!block || !lines) return
    const half = Math.ceil(lines.length / 2)
    const { first, atMs } = block
    const value = await recordsOf({ first, atMs }, lines.slice(0, half))
    const rest = await recordsOf({ first: first + half, atMs }, lines.slice(half))
    await commit({ put: [{ number, value }], added: [rest] }, ([made = 0]) => {
      // An earlier request with all of it may have arrived all the same.
      const { isTried, endsBatch } = block
      become(block, value)
      const second = { ...blockOf(rest), number: made, isTried, endsBatch }
      blocks.splice(blocks.indexOf(block) + 1, 0, second)
    })
  }

  async function drop(number: number, reason: string): Promise<void> {
    const block = find(number)
    if (block && !isGap(block)) await becomeGap(block, reason)
  }

  async function removeNow(numbers: readonly number[]): Promise<void> {
    await commit({ removed: numbers }, () => {
      for (const number of numbers) {
        const block = find(number)
        if (block) forget(block)
      }
    })
  }

  async function flush(): Promise<boolean> {
    return commit({})
  }

  return {
    async add(draft, signal) {
      let isOnDisk = await inTurn(() => addNow(draft))
      while (!isOnDisk) {
        await clock.sleep(retryMs, signal)
        isOnDisk = await inTurn(flush)
      }
    },
    take: (limit) => inTurn(() => take(limit)),
    remove: (numbers) => inTurn(() => removeNow(numbers)),
    split: (number) => inTurn(() => split(number)),
    drop: (number, reason) => inTurn(() => drop(number, reason)),
    renew: () =>
      inTurn(async () => {
        position.epoch = newEpoch()
        await writePosition()
      }),
    epoch: () => position.epoch,
    waiting: () => ({
      records: blocks.reduce((sum, block) => sum + (isGap(block) ? 0 : block.count), 0),
      bytes: blocks.reduce((sum, block) => sum + block.storedBytes, 0),
      oldestMs: blocks[0]?.atMs,
      dropped,
      lastDrop,
    }),
    cursor: cursors.get,
    sources: cursors.sources,
  }
}

/** Of 64 bits, so that no two queues of a node ever have the same. */
function newEpoch(): string {
  return randomBytes(8).toString('hex')
}
