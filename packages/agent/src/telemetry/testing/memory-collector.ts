import type { Collector } from '../buffer/collector.ts'

/** Keeps what is handed over, for tests of those who collect. */
export interface MemoryCollector<Entry> extends Collector<Entry> {
  readonly entries: Entry[]
  readonly gaps: { count: number; reason: string }[]
  /** Until it is called again with false, nothing gets to the disk. */
  hold(isHeld: boolean): void
}

/** `cursors`: what an earlier run has left. */
export function createMemoryCollector<Entry>(
  cursors: ReadonlyMap<string, string> = new Map(),
): MemoryCollector<Entry> {
  const known = new Map(cursors)
  const entries: Entry[] = []
  const gaps: { count: number; reason: string }[] = []
  let free = Promise.resolve()
  let release = (): void => {}

  return {
    entries,
    gaps,
    hold(isHeld) {
      release()
      if (!isHeld) return
      const held = Promise.withResolvers<void>()
      free = held.promise
      release = held.resolve
    },
    async append(added, cursor) {
      await free
      entries.push(...added)
      if (cursor?.value === '') known.delete(cursor.source)
      else if (cursor) known.set(cursor.source, cursor.value)
    },
    async lost(count, reason) {
      await free
      gaps.push({ count, reason })
    },
    cursor: (source) => known.get(source),
    sources: () => [...known.keys()],
  }
}
