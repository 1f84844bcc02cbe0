import type { FoundRecord, RecordSearch } from './store.ts'

/** The first records in the order of a search, whatever the order in which they are found. */
export interface Selection {
  add(record: FoundRecord): void
  /** Whether a record that comes at this time or behind it in the order could be among them. */
  wants(at: number): boolean
  /** In order. */
  result(): FoundRecord[]
}

/** Holds twice the limit at most. */
export function createSelection({
  order,
  after,
  limit,
}: Pick<RecordSearch, 'order' | 'after' | 'limit'>): Selection {
  const sign = order === 'oldest' ? 1 : -1
  const compare = (a: Place, b: Place): number => sign * (a.at - b.at || a.id - b.id)
  let kept: FoundRecord[] = []
  /** The last that is among the first, once there are as many as the limit. */
  let worst: FoundRecord | undefined

  function cut(): void {
    kept.sort(compare)
    kept = kept.slice(0, limit)
    if (kept.length === limit) worst = kept.at(-1)
  }

  return {
    add(record) {
      if (after && compare(record, after) <= 0) return
      if (worst && compare(record, worst) > 0) return
      kept.push(record)
      if (kept.length >= 2 * limit) cut()
    },
    wants: (at) => !worst || sign * (at - worst.at) <= 0,
    result() {
      cut()
      return kept
    },
  }
}

type Place = Pick<FoundRecord, 'at' | 'id'>

/** Records yielded at a time. */
const pageRecords = 2_000

export function* pagesOf(found: readonly FoundRecord[]): Generator<readonly FoundRecord[]> {
  for (let at = 0; at < found.length; at += pageRecords) yield found.slice(at, at + pageRecords)
}
