import { type Clock, createSerialQueue } from '@plexd/runtime'
import type { Queue } from '../../queue/queue.ts'
import { bodyOf, recordsOf, type TakenBlock, taken } from './block-item.ts'
import { countOf, type Draft, type RecordDraft } from './draft.ts'
import { type BatchLimit, type Block, batchOf, blocksToJoin, isGap } from './plan.ts'
import { type PlannedChange, together } from './planned-change.ts'
import { createStoredCursors } from './stored-cursors.ts'
import { type StoredBlock, type StoredItem, unpackLines } from './stored-item.ts'
import { createStoredPosition } from './stored-position.ts'
import { createWaitingBlocks, type WaitingRecords } from './waiting-blocks.ts'

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
  const blocks = createWaitingBlocks()
  const cursors = createStoredCursors()
  const position = createStoredPosition()

  await load()

  async function load(): Promise<void> {
    await queue.each(({ number, value }) => {
      if (value.type === 'position') position.load(value, number)
      else if (value.type === 'cursor') cursors.load(value, number)
      else blocks.load(value, number)
    })
    blocks.loaded(batch)
    position.skip(Math.max(0, blocks.end() - position.next()))
    if (isDamaged) position.skip(positionsOverDamage)
    await commit(position.change())
  }

  /** Resolves to whether it is on the disk, with all that earlier ones may have left in memory. */
  async function commit(...changes: readonly PlannedChange[]): Promise<boolean> {
    const change = together(changes)
    const { isOnDisk, numbers } = await queue.change(change)
    change.apply(numbers)
    if (!isOnDisk) return false
    blocks.stored()
    cursors.stored()
    return true
  }

  async function add(draft: Draft): Promise<boolean> {
    const { value, joined } = await blockFor(draft)
    position.skip(countOf(draft))
    const overBytes = queue.waiting().bytes - maxBytes
    return commit(
      blocks.add(value, joined, overBytes),
      cursors.changeTo(draft.cursors),
      position.change(),
    )
  }

  /** The item for the draft, and the blocks that are in it too. */
  async function blockFor(draft: Draft): Promise<{ value: StoredBlock; joined: Block[] }> {
    const { atMs } = draft
    const first = position.next()
    if (draft.lines === undefined) {
      const { lost: count, reason } = draft
      return { value: { type: 'gap', first, count, at: atMs, reason }, joined: [] }
    }
    const lines = writtenLines(draft, first, lineOfLost)
    const size = { count: lines.length, rawBytes: draft.rawBytes }
    const waiting = blocks.list()
    const joined = waiting.length > joinOverBlocks ? blocksToJoin(waiting, size, batch) : []
    const [into] = joined
    const before = into && (await linesIn(queue, joined))
    if (!into || !before) return { value: await recordsOf({ first, atMs }, lines), joined: [] }
    return { value: await recordsOf(into, [...before, ...lines]), joined }
  }

  async function take(limit: BatchLimit): Promise<TakenBlock[]> {
    for (;;) {
      const chosen = batchOf(blocks.list(), limit)
      const records = chosen.filter((block) => !isGap(block))
      const items = await queue.get(records.map(({ number }) => number))
      const bodies = new Map(items.map(({ number, value }) => [number, bodyOf(value)]))
      const lost = records.find(({ number }) => bodies.get(number) === undefined)
      if (lost) await commit(blocks.becomeGap(lost, 'they could not be read from the disk'))
      else
        return chosen.map((block) =>
          taken(block, block === chosen.at(-1), bodies.get(block.number)),
        )
    }
  }

  async function split(number: number): Promise<void> {
    const block = blocks.find(number)
    const lines = block && !isGap(block) ? await linesIn(queue, [block]) : undefined
    if (!block || !lines) return
    const half = Math.ceil(lines.length / 2)
    const { first, atMs } = block
    const start = await recordsOf({ first, atMs }, lines.slice(0, half))
    const rest = await recordsOf({ first: first + half, atMs }, lines.slice(half))
    await commit(blocks.split(block, start, rest))
  }

  async function drop(number: number, reason: string): Promise<void> {
    const block = blocks.find(number)
    if (block && !isGap(block)) await commit(blocks.becomeGap(block, reason))
  }

  async function renew(): Promise<void> {
    position.renew()
    await commit(position.change())
  }

  return {
    async add(draft, signal) {
      let isOnDisk = await inTurn(() => add(draft))
      while (!isOnDisk) {
        await clock.sleep(retryMs, signal)
        isOnDisk = await inTurn(() => commit())
      }
    },
    take: (limit) => inTurn(() => take(limit)),
    remove: (numbers) => inTurn(async () => void (await commit(blocks.remove(numbers)))),
    split: (number) => inTurn(() => split(number)),
    drop: (number, reason) => inTurn(() => drop(number, reason)),
    renew: () => inTurn(renew),
    epoch: position.epoch,
    waiting: blocks.waiting,
    cursor: cursors.get,
    sources: cursors.sources,
  }
}

/** Those of a draft whose first has that position. */
function writtenLines(
  { lines, atMs }: RecordDraft,
  first: number,
  lineOfLost: BlockStoreOptions['lineOfLost'],
): string[] {
  return lines.map((line, index) =>
    typeof line === 'string' ? line : lineOfLost({ first: first + index, ...line }, atMs),
  )
}

/** Undefined if one cannot be read. */
async function linesIn(
  queue: Queue<StoredItem>,
  blocks: readonly Block[],
): Promise<string[] | undefined> {
  const items = await queue.get(blocks.map(({ number }) => number))
  const packed = items.flatMap(({ value }) => (value.type === 'records' ? value.body : []))
  if (packed.length < blocks.length) return undefined
  return unpackLines(Buffer.concat(packed.map((body) => Buffer.from(body, 'base64'))))
}
