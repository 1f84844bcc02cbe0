import type { ReportChange } from '../../state/reports/report-store.ts'

/** The refused changes. A key's record is kept until a later change of it is confirmed. */
export interface Setbacks {
  /** The changes worth sending. */
  open(changes: Iterable<ReportChange>): Iterable<ReportChange>
  /** How many of these are set aside. */
  count(changes: Iterable<ReportChange>): number
  /** Sets a change aside until its key is written again. */
  putAside(change: ReportChange): void
  /** The control plane has a later version. False if raising ours did not help several times. */
  conflicts(key: string): boolean
  confirmed(changes: readonly ReportChange[]): void
  /** The number of records. */
  size(): number
}

/** An entry is set aside after its version was raised this often without success. */
const maxConflicts = 3

export function createSetbacks(): Setbacks {
  const aside = new Map<string, ReportChange>()
  const conflicts = new Map<string, number>()
  const isAside = (change: ReportChange): boolean => aside.get(change.key) === change
  return {
    *open(changes) {
      for (const change of changes) if (!isAside(change)) yield change
    },
    count: (changes) => Iterator.from(changes).filter(isAside).toArray().length,
    putAside(change) {
      aside.set(change.key, change)
      conflicts.delete(change.key)
    },
    conflicts(key) {
      const times = (conflicts.get(key) ?? 0) + 1
      conflicts.set(key, times)
      return times <= maxConflicts
    },
    confirmed(changes) {
      for (const { key } of changes) {
        aside.delete(key)
        conflicts.delete(key)
      }
    },
    size: () => new Set([...aside.keys(), ...conflicts.keys()]).size,
  }
}
