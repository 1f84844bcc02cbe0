import type { PutRecord, ReportRecord } from './report-record.ts'

/** A change that the control plane has not confirmed: the last one of its key. */
export type ReportChange =
  | {
      readonly deleted: false
      readonly key: string
      readonly version: number
      readonly entry: PutRecord
    }
  | { readonly deleted: true; readonly key: string; readonly version: number }

/**
 * What the records of the journal add up to. Pure memory.
 *
 * A version is never given out twice for a key: a deleted key leaves a tombstone with its last version, and when
 * too many of those are confirmed, the oldest is forgotten and the floor raised to it, above which every new key starts.
 */
export interface ReportTable {
  apply(record: ReportRecord): void
  entry(key: string): PutRecord | undefined
  /** Entries by key, in the order of their code units. The same list until a key comes or goes. */
  keys(): readonly string[]
  /** The last version of the key, of its tombstone, or the floor. */
  lastVersion(key: string): number
  /** Oldest change first. */
  unsynced(): Iterable<ReportChange>
  unsyncedCount(): number
  isUnsynced(key: string): boolean
  /** Keys that take memory: entries and tombstones. */
  size(): number
  /** Roughly what the entries take on disk. */
  bytes(): number
  /** The fewest records which add up to the same. */
  compact(): ReportRecord[]
}

export function createReportTable({ maxTombstones = 10_000 } = {}): ReportTable {
  const entries = new Map<string, PutRecord>()
  const tombstones = new Map<string, number>()
  /** Keys of the tombstones that the control plane has confirmed, oldest first. */
  const forgettable = new Set<string>()
  const unsynced = new Map<string, ReportChange>()
  let sorted: readonly string[] | undefined
  let floor = 0
  let bytes = 0

  function apply(record: ReportRecord): void {
    if (record.op === 'put') put(record)
    else if (record.op === 'delete') remove(record.key, record.version)
    else if (record.op === 'floor') floor = Math.max(floor, record.version)
    else if (isChange(unsynced.get(record.key), record)) confirm(record)
  }

  function put(entry: PutRecord): void {
    const { key, version } = entry
    if (!entries.has(key)) sorted = undefined
    bytes += sizeOf(entry) - sizeOf(entries.get(key))
    entries.set(key, entry)
    tombstones.delete(key)
    forgettable.delete(key)
    changed({ deleted: false, key, version, entry })
  }

  function remove(key: string, version: number): void {
    bytes -= sizeOf(entries.get(key))
    if (entries.delete(key)) sorted = undefined
    tombstones.set(key, version)
    forgettable.delete(key)
    changed({ deleted: true, key, version })
  }

  function changed(change: ReportChange): void {
    unsynced.delete(change.key) // so that it moves to the end
    unsynced.set(change.key, change)
  }

  function confirm({ key, deleted }: { key: string; deleted: boolean }): void {
    unsynced.delete(key)
    if (deleted) forgettable.add(key)
    for (const oldest of forgettable) {
      if (forgettable.size <= maxTombstones) break
      floor = Math.max(floor, tombstones.get(oldest) ?? 0)
      forgettable.delete(oldest)
      tombstones.delete(oldest)
    }
  }

  function compact(): ReportRecord[] {
    return [
      { op: 'floor', version: floor },
      ...[...entries.values()].filter(({ key }) => !unsynced.has(key)).flatMap(confirmed),
      ...[...forgettable].flatMap((key) =>
        confirmed({ op: 'delete', key, version: tombstones.get(key) ?? floor }),
      ),
      ...[...unsynced.values()].map(recordOf),
    ]
  }

  return {
    apply,
    entry: (key) => entries.get(key),
    keys: () => (sorted ??= [...entries.keys()].sort()),
    lastVersion: (key) => entries.get(key)?.version ?? tombstones.get(key) ?? floor,
    unsynced: () => unsynced.values(),
    unsyncedCount: () => unsynced.size,
    isUnsynced: (key) => unsynced.has(key),
    size: () => entries.size + tombstones.size,
    bytes: () => bytes,
    compact,
  }
}

function isChange(
  change: ReportChange | undefined,
  { version, deleted }: { version: number; deleted: boolean },
): boolean {
  return change?.version === version && change.deleted === deleted
}

function recordOf(change: ReportChange): ReportRecord {
  return change.deleted ? { op: 'delete', key: change.key, version: change.version } : change.entry
}

/** Reading a change back makes it unsynced, so a confirmed one is followed by its confirmation. */
function confirmed(change: Extract<ReportRecord, { op: 'put' | 'delete' }>): ReportRecord[] {
  const { key, version, op } = change
  return [change, { op: 'synced', key, version, deleted: op === 'delete' }]
}

function sizeOf(entry: PutRecord | undefined): number {
  return entry ? 200 + 2 * entry.key.length + entry.content_type.length + entry.payload.length : 0
}
