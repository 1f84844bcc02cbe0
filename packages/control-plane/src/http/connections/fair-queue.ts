/**
 * A stack per source, served round robin, so that nobody waits for another source's crowd. The newest of a source comes first: of a crowd that
 * is too large to be served in time the oldest have given up, and whoever comes now, perhaps from behind the same NAT, waits for none of them.
 */
export interface FairQueue<T> {
  /** Returns the item to drop if there are too many: the oldest one of the largest source. */
  add(source: string, item: T): T | undefined
  take(): T | undefined
}

export function createFairQueue<T>(maxItems: number): FairQueue<T> {
  /** Sources in the order of their turns. */
  const queues = new Map<string, T[]>()
  let size = 0

  function longest(among: string): string {
    let found = among
    for (const [source, { length }] of queues)
      if (length > (queues.get(found)?.length ?? 0)) found = source
    return found
  }

  function takeFrom(source: string, take: (queue: T[]) => T | undefined): T | undefined {
    const queue = queues.get(source)
    if (!queue) return undefined
    size--
    const item = take(queue)
    if (queue.length === 0) queues.delete(source)
    return item
  }

  return {
    add(source, item) {
      queues.getOrInsertComputed(source, () => []).push(item)
      size++
      return size > maxItems ? takeFrom(longest(source), (queue) => queue.shift()) : undefined
    },
    take() {
      const [first] = queues
      if (!first) return undefined
      const [source, queue] = first
      const item = takeFrom(source, () => queue.pop())
      // Moves the source to the end.
      if (queues.delete(source)) queues.set(source, queue)
      return item
    },
  }
}
