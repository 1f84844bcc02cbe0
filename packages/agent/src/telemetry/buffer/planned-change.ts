import type { QueueChange } from '../../queue/queue.ts'
import type { StoredItem } from './stored-item.ts'

/** A change of the queue, and what it means for what is known in memory: that is done once the queue has it. */
export interface PlannedChange extends Required<QueueChange<StoredItem>> {
  /** `numbers` of what was added. */
  apply(numbers: readonly number[]): void
}

export function planned(
  change: QueueChange<StoredItem>,
  apply: PlannedChange['apply'] = () => {},
): PlannedChange {
  return { put: [], added: [], removed: [], ...change, apply }
}

/** All of them at once. */
export function together(changes: readonly PlannedChange[]): PlannedChange {
  return {
    put: changes.flatMap(({ put }) => put),
    added: changes.flatMap(({ added }) => added),
    removed: changes.flatMap(({ removed }) => removed),
    apply(numbers) {
      let from = 0
      for (const change of changes) {
        const to = from + change.added.length
        change.apply(numbers.slice(from, to))
        from = to
      }
    },
  }
}
