import type { Collector } from '../buffer/collector.ts'

/** The collector as one of several parts of a kind has it, whose cursors are its own: no part forgets those of another. */
export function createPartCollector<Entry>(
  collector: Collector<Entry>,
  part: string,
): Collector<Entry> {
  const prefix = `${part}:`
  return {
    append: (entries, cursor) =>
      collector.append(entries, cursor && { ...cursor, source: prefix + cursor.source }),
    lost: collector.lost,
    cursor: (source) => collector.cursor(prefix + source),
    sources: () =>
      collector
        .sources()
        .filter((source) => source.startsWith(prefix))
        .map((source) => source.slice(prefix.length)),
  }
}
