import {
  confirmationOf,
  type PutRecord,
  type ReportChange,
  type ReportRecord,
} from './report-record.ts'
import { createUsages, everyone, type Usage, usageOf } from './report-usage.ts'

/**
 * What the records of the journal add up to. Pure memory.
 *
 * A key never gets the same version twice: a deleted key leaves a tombstone with its last version. When too many
 * tombstones are confirmed, the oldest is forgotten and the floor raised to its version; every new key starts above the floor.
 */
export interface ReportTable {
  apply(record: ReportRecord): void
  entry(key: string): PutRecord | undefined
  /** The entry, or its tombstone. */
  last(key: string): ReportChange | undefined
  /** Keys of the entries, in the order of their code units. The same list until a key comes or goes. */
  keys(): readonly string[]
  /** The last version of the key, of its tombstone, or the floor. */
  lastVersion(key: string): number
  /** The changes that the control plane has not confirmed, oldest first. */
  unsynced(): Iterable<ReportChange>
  unsyncedCount(): number
  isUnsynced(key: string): boolean
  /** Of `everyone`, or of one writer: the last one of a key, also after somebody else has deleted it. */
  usage(scope: string): Usage
  /** The fewest records which add up to the same. */
  compact(): ReportRecord[]
}

export function createReportTable({ maxTombstones = 10_000 } = {}): ReportTable {
  const changes = new Map<string, ReportChange>()
  /** Keys of the tombstones that the control plane has confirmed, oldest first. */
  const forgettable = new Set<string>()
  const unsynced = new Map<string, ReportChange>()
  const usages = createUsages()
  let sorted: readonly string[] | undefined
  let floor = 0

  function apply(record: ReportRecord): void {
    if (record.op === 'floor') floor = Math.max(floor, record.version)
    else if (record.op !== 'synced') change(record)
    else if (isOf(record, unsynced.get(record.key))) confirm(record)
  }

  function change(record: ReportChange): void {
    const { key, op } = record
    if ((op === 'put') !== (entry(key) !== undefined)) sorted = undefined
    drop(key)
    changes.set(key, record)
    count(record, 1)
    unsynced.delete(key) // so that it moves to the end
    unsynced.set(key, record)
  }

  function entry(key: string): PutRecord | undefined {
    const last = changes.get(key)
    return last?.op === 'put' ? last : undefined
  }

  function drop(key: string): void {
    const before = changes.get(key)
    if (!before) return
    count(before, -1)
    changes.delete(key)
    forgettable.delete(key)
  }

  function count(record: ReportChange, sign: 1 | -1): void {
    usages.add(everyone, usageOf(record), sign)
    if (record.writer !== undefined) usages.add(record.writer, usageOf(record), sign)
  }

  function confirm({ key, deleted }: { key: string; deleted: boolean }): void {
    unsynced.delete(key)
    if (deleted) forgettable.add(key)
    for (const oldest of forgettable) {
      if (forgettable.size <= maxTombstones) break
      floor = Math.max(floor, changes.get(oldest)?.version ?? 0)
      drop(oldest)
    }
  }

  /** The order matters for tombstones and for unsynced changes. A change that is read back is unsynced until it is confirmed. */
  function compact(): ReportRecord[] {
    const entries = [...changes.values()].filter(
      ({ key, op }) => op === 'put' && !unsynced.has(key),
    )
    const tombstones = [...forgettable].flatMap((key) => changes.get(key) ?? [])
    return [
      { op: 'floor', version: floor },
      ...[...entries, ...tombstones].flatMap((synced) => [synced, confirmationOf(synced)]),
      ...unsynced.values(),
    ]
  }

  return {
    apply,
    entry,
    last: (key) => changes.get(key),
    keys: () => (sorted ??= [...changes.keys()].filter((key) => entry(key)).sort()),
    lastVersion: (key) => changes.get(key)?.version ?? floor,
    unsynced: () => unsynced.values(),
    unsyncedCount: () => unsynced.size,
    isUnsynced: (key) => unsynced.has(key),
    usage: usages.of,
    compact,
  }
}

/** Whether a confirmation is of this change, and not of an earlier one. */
function isOf(
  { version, deleted }: { version: number; deleted: boolean },
  change: ReportChange | undefined,
): boolean {
  return change?.version === version && (change.op === 'delete') === deleted
}
