/** Group commit: who comes while a write runs waits, and all who wait share the next one, and its fsync. */
export interface GroupQueue<Item> {
  add(item: Item): void
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>
}

/** `write` takes from the front of what waits as much as it carries; it tells those whose items they were, and never rejects. */
export function createGroupQueue<Item>(
  write: (waiting: Item[]) => Promise<void>,
): GroupQueue<Item> {
  const waiting: Item[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (waiting.length > 0) await write(waiting)
    // Here, and not in a promise's callback: whoever is woken by the last write may add something before that runs.
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
