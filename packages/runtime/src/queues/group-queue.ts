/** Group commit: items that arrive during a write wait, and all waiting items share the next write and its fsync. */
export interface GroupQueue<Item> {
  add(item: Item): void
  /** Resolves when the queue is empty. */
  drain(): Promise<void>
}

/** `write` takes as many items as it can from the front of the queue, settles their callers, and never rejects. */
export function createGroupQueue<Item>(
  write: (waiting: Item[]) => Promise<void>,
): GroupQueue<Item> {
  const waiting: Item[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (waiting.length > 0) await write(waiting)
    // Synchronously, not in a promise callback: a caller woken by the last write may add an item before that runs.
    running = undefined
  }

  return {
    add(item) {
      waiting.push(item)
      running ??= run()
    },
    drain: () => running ?? Promise.resolve(),
  }
}

/** Takes from the front what has this size together, and one at least. */
export function takeGroup<Item>(
  waiting: Item[],
  maxSize: number,
  sizeOf: (item: Item) => number,
): Item[] {
  let size = 0
  const beyond = waiting.findIndex((item) => {
    size += sizeOf(item)
    return size > maxSize
  })
  return waiting.splice(0, beyond === -1 ? waiting.length : Math.max(1, beyond))
}
