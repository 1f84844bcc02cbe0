import { join } from 'node:path'
import { createGroupQueue, createSerialQueue, type Log, takeGroup } from '@plexd/runtime'
import { createListeners } from '../process/listeners.ts'
import type { Waiting } from './contents.ts'
import { openQueueFiles, type QueueFiles } from './files.ts'
import { itemsOver, itemsToRead, type QueueLimit, type ReadLimit } from './plan.ts'

/**
 * What has to reach the control plane and may not be lost: a log on the disk, in which each item stays until it is removed.
 *
 * Items that are added during a write wait, and share the next one with its fsync. While the disk takes nothing they are kept in
 * memory, where they can be read like the others, and are written as soon as it does.
 */
export interface Queue<Item> extends AsyncDisposable {
  readonly name: string
  /**
   * Resolves when all of them are on the disk, in this order; to false if they are in memory alone, because the disk takes
   * nothing. Rejects with a QueueFull if there is no room for them; then none is added.
   */
  append(items: readonly Item[]): Promise<boolean>
  /** In one write: additions as by `append`, and others. Resolves when it is durable, or in memory alone. */
  change(change: QueueChange<Item>): Promise<Changed>
  /** All that wait, oldest first; a part at a time is in memory. */
  each(visit: (item: QueuedItem<Item>) => void): Promise<void>
  /** Those of these numbers that wait. */
  get(numbers: readonly number[]): Promise<QueuedItem<Item>[]>
  /** The oldest of those that wait, one at least if there is any; none of `except`. */
  read(limit: ReadLimit, except?: ReadonlySet<unknown>): Promise<QueuedItem<Item>[]>
  /** They have arrived, or never will. Durable when it resolves, or once the disk takes something. */
  remove(numbers: readonly number[]): Promise<void>
  waiting(): QueueCounts
  /** Called after items were added. Returns the function that ends it. */
  onAppend(listener: () => void): () => void
  /** The disk takes something again: writes what is in memory alone. Resolves to whether all is on the disk then. */
  flush(): Promise<boolean>
}

export interface QueueChange<Item> {
  /** In the place of the item of that number, if it waits. */
  put?: readonly QueuedItem<Item>[]
  added?: readonly Item[]
  removed?: readonly number[]
}

export interface Changed {
  /** False if it is in memory alone, because the disk takes nothing. */
  isOnDisk: boolean
  /** Of the added items. */
  numbers: readonly number[]
}

export interface QueuedItem<Item> {
  /** The order of the items; no two that wait have the same. */
  number: number
  value: Item
}

export interface QueueCounts {
  items: number
  bytes: number
  /** How many had to give way to newer ones since the start. */
  dropped: number
}

export interface QueueOptions<Item> {
  /** As in `drift`; also of its folder. */
  name: string
  /** An earlier plexd may have left items of another form, which are dropped with a warning. */
  isItem: (value: unknown) => value is Item
  limit: QueueLimit
  /** What gives way when there is no room. */
  whenFull: 'drop oldest' | 'refuse newest'
  /** Whether of a change all is there after a crash, or nothing; an earlier plexd cannot read such a queue. */
  isWhole?: boolean
  log: Pick<Log, 'warn' | 'error'>
  /** Called for every failed write. */
  onFailure?: (error: unknown) => void
  /** Called at the start with the number of damaged places in the files, if there are any. */
  onDamage?: (places: number) => void
}

/** There is no room for what was to be added. */
export class QueueFull extends Error {
  override name = 'QueueFull'
}

/** An addition or a removal, and its caller. */
interface Change {
  put: readonly (readonly [number: number, json: string])[]
  added: readonly string[]
  removed: readonly number[]
  resolve: (changed: Changed) => void
  reject: (error: unknown) => void
}

/** Opens or creates it, in a folder of its name in `folder`. Rejects if its files cannot be read. */
export async function openQueue<Item>(
  folder: string,
  options: QueueOptions<Item>,
): Promise<Queue<Item>> {
  return createQueue(await openQueueFiles(join(folder, options.name), options), options)
}

/** A queue over these files, which end with it. */
export function createQueue<Item>(files: QueueFiles, options: QueueOptions<Item>): Queue<Item> {
  const { name, limit, whenFull, isItem, log } = options
  const { contents, damaged } = files
  if (damaged > 0) {
    log.error('queue is damaged, items are lost', { queue: name, damaged })
    options.onDamage?.(damaged)
  }
  const listeners = createListeners()
  const inTurn = createSerialQueue()
  const changes = createGroupQueue<Change>((waiting) =>
    inTurn(() => applyGroup(takeGroup(waiting, maxGroupBytes, sizeOf))),
  )
  let isInMemory = false
  let dropped = 0

  async function change({
    put = [],
    added = [],
    removed = [],
  }: QueueChange<Item>): Promise<Changed> {
    const { promise, resolve, reject } = Promise.withResolvers<Changed>()
    changes.add({
      put: put.map(({ number, value }) => [number, JSON.stringify(value)]),
      added: added.map((item) => JSON.stringify(item)),
      removed,
      resolve,
      reject,
    })
    return promise
  }

  async function applyGroup(group: readonly Change[]): Promise<void> {
    const taken = group.flatMap((change) => {
      const numbers = take(change)
      return numbers ? [{ ...change, numbers }] : []
    })
    await write()
    for (const { resolve, numbers } of taken) resolve({ isOnDisk: !isInMemory, numbers })
    if (taken.some(({ added }) => added.length > 0)) listeners.tell()
  }

  /** Into memory; the numbers of what was added, undefined if there is no room for it. */
  function take({ put, added, removed, reject }: Change): number[] | undefined {
    files.remove(removed)
    for (const [number, json] of put) contents.put(number, json)
    const over = itemsOver(contents, limit, added)
    if (over === undefined || (over.length > 0 && whenFull === 'refuse newest')) {
      reject(new QueueFull(`queue "${name}" is full: ${contents.count()} items wait`))
      return undefined
    }
    if (over.length > 0) {
      log.warn('queue is full, the oldest items are dropped', { queue: name, dropped: over.length })
      dropped += over.length
      files.remove(over)
    }
    return added.map(contents.add)
  }

  async function write(): Promise<void> {
    try {
      await files.write()
      isInMemory = false
    } catch (error) {
      isInMemory = true
      options.onFailure?.(error)
    }
  }

  async function read(
    wanted: ReadLimit,
    except: ReadonlySet<unknown>,
  ): Promise<QueuedItem<Item>[]> {
    for (;;) {
      const entries = itemsToRead(
        contents.all(),
        wanted,
        (entry) => !except.has(entry.number) && (isInMemory || entry.place !== undefined),
      )
      const items = await readAll(entries)
      if (items.length > 0 || entries.length === 0) return items
    }
  }

  async function readAll(entries: readonly Waiting[]): Promise<QueuedItem<Item>[]> {
    const texts = await files.read(entries)
    return entries.flatMap((entry, index) => parse(entry, texts[index]))
  }

  async function each(visit: (item: QueuedItem<Item>) => void): Promise<void> {
    for (let left = [...contents.all()]; left.length > 0; ) {
      const part = itemsToRead(left, readTogether, () => true)
      for (const item of await readAll(part)) visit(item)
      left = left.slice(part.length)
    }
  }

  function parse({ number }: Waiting, json: string | undefined): QueuedItem<Item>[] {
    const value: unknown = json === undefined ? undefined : JSON.parse(json)
    if (isItem(value)) return [{ number, value }]
    log.warn('queue has an item that cannot be read, dropping it', { queue: name, number })
    files.remove([number])
    return []
  }

  return {
    name,
    append: async (items) => (await change({ added: items })).isOnDisk,
    change,
    each: (visit) => inTurn(() => each(visit)),
    get: (numbers) => inTurn(() => readAll(contents.find(numbers))),
    read: (wanted, except = new Set()) => inTurn(() => read(wanted, except)),
    remove: async (numbers) => void (await change({ removed: numbers })),
    waiting: () => ({ items: contents.count(), bytes: contents.bytes(), dropped }),
    onAppend: listeners.add,
    flush: async () => (await change({})).isOnDisk,
    async [Symbol.asyncDispose]() {
      await changes.drain()
      await inTurn(async () => files[Symbol.asyncDispose]())
    },
  }
}

const readTogether: ReadLimit = { items: 1_000, bytes: 1024 * 1024 }

/** How much of what waits is written at a time: its lines are joined in memory. */
const maxGroupBytes = 4 * 1024 * 1024

function sizeOf({ put, added }: Change): number {
  return [...put.map(([, json]) => json), ...added].reduce((sum, json) => sum + json.length, 0)
}
