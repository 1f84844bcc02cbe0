import type { DeleteRecord, PutRecord, ReportRecord } from './report-record.ts'

/** A change that the control plane has not confirmed: the last one of its key. */
export type ReportChange =
  | {
      readonly deleted: false
      readonly key: string
      readonly version: number
      readonly entry: PutRecord
    }
  | {
      readonly deleted: true
      readonly key: string
      readonly version: number
      readonly record: DeleteRecord
    }

/**
 * What the records of the journal add up to. Pure memory.
 *
 * A version is never given out twice for a key: a deleted key leaves a tombstone with its last version, and when
 * too many of those are confirmed, the oldest is forgotten and the floor raised to it, above which every new key starts.
 */
export interface ReportTable {
  apply(record: ReportRecord): void
  entry(key: string): PutRecord | undefined
  /** The entry, or what is remembered of a deleted one. */
  last(key: string): PutRecord | DeleteRecord | undefined
  /** Entries by key, in the order of their code units. The same list until a key comes or goes. */
  keys(): readonly string[]
  /** The last version of the key, of its tombstone, or the floor. */
  lastVersion(key: string): number
  /** Oldest change first. */
  unsynced(): Iterable<ReportChange>
  unsyncedCount(): number
  isUnsynced(key: string): boolean
  /** Keys that take memory, entries and tombstones, and roughly what the entries take on disk. */
  usage(): Usage
  /** Of these, what one writer answers for: whoever wrote the key last, also when somebody else deleted it. */
  usageOf(writer: string | undefined): Usage
  /** The fewest records which add up to the same. */
  compact(): ReportRecord[]
}

export interface Usage {
  readonly keys: number
  readonly bytes: number
}

export function createReportTable({ maxTombstones = 10_000 } = {}): ReportTable {
  const entries = new Map<string, PutRecord>()
  const tombstones = new Map<string, DeleteRecord>()
  /** Keys of the tombstones that the control plane has confirmed, oldest first. */
  const forgettable = new Set<string>()
  const unsynced = new Map<string, ReportChange>()
  let sorted: readonly string[] | undefined
  const usages = new Map<string | undefined, Usage>()
  let floor = 0
  let usage: Usage = { keys: 0, bytes: 0 }

  function apply(record: ReportRecord): void {
    if (record.op === 'put') put(record)
    else if (record.op === 'delete') remove(record)
    else if (record.op === 'floor') floor = Math.max(floor, record.version)
    else if (isChange(unsynced.get(record.key), record)) confirm(record)
  }

  function put(entry: PutRecord): void {
    const { key, version } = entry
    if (!entries.has(key)) sorted = undefined
    drop(key)
    entries.set(key, entry)
    count(entry, 1)
    changed({ deleted: false, key, version, entry })
  }

  function remove(record: DeleteRecord): void {
    const { key, version } = record
    if (entries.has(key)) sorted = undefined
    drop(key)
    tombstones.set(key, record)
    count(record, 1)
    changed({ deleted: true, key, version, record })
  }

  function last(key: string): PutRecord | DeleteRecord | undefined {
    return entries.get(key) ?? tombstones.get(key)
  }

  /** What there was of the key. */
  function drop(key: string): void {
    const before = last(key)
    if (!before) return
    count(before, -1)
    entries.delete(key)
    tombstones.delete(key)
    forgettable.delete(key)
  }

  function count(record: PutRecord | DeleteRecord, sign: 1 | -1): void {
    const room = roomOf(record)
    usage = { keys: usage.keys + sign * room.keys, bytes: usage.bytes + sign * room.bytes }
    const own = usages.get(record.writer) ?? nothing
    const now = { keys: own.keys + sign * room.keys, bytes: own.bytes + sign * room.bytes }
    if (now.keys === 0) usages.delete(record.writer)
    else usages.set(record.writer, now)
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
      floor = Math.max(floor, tombstones.get(oldest)?.version ?? 0)
      drop(oldest)
    }
  }

  function compact(): ReportRecord[] {
    return [
      { op: 'floor', version: floor },
      ...[...entries.values()].filter(({ key }) => !unsynced.has(key)).flatMap(confirmed),
      ...[...forgettable].flatMap((key) => {
        const tombstone = tombstones.get(key)
        return tombstone ? confirmed(tombstone) : []
      }),
      ...[...unsynced.values()].map(recordOf),
    ]
  }

  return {
    apply,
    entry: (key) => entries.get(key),
    last,
    keys: () => (sorted ??= [...entries.keys()].sort()),
    lastVersion: (key) => last(key)?.version ?? floor,
    unsynced: () => unsynced.values(),
    unsyncedCount: () => unsynced.size,
    isUnsynced: (key) => unsynced.has(key),
    usage: () => usage,
    usageOf: (writer) => usages.get(writer) ?? nothing,
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
  return change.deleted ? change.record : change.entry
}

/** Reading a change back makes it unsynced, so a confirmed one is followed by its confirmation. */
function confirmed(change: Extract<ReportRecord, { op: 'put' | 'delete' }>): ReportRecord[] {
  const { key, version, op } = change
  return [change, { op: 'synced', key, version, deleted: op === 'delete' }]
}

const nothing: Usage = { keys: 0, bytes: 0 }

/** What the last record of a key takes: a deleted one must be remembered as well. */
export function roomOf(last: ReportRecord | undefined): Usage {
  if (last?.op === 'delete') return { keys: 1, bytes: 0 }
  if (last?.op !== 'put') return nothing
  const { key, content_type, payload } = last
  return { keys: 1, bytes: 200 + 2 * key.length + content_type.length + payload.length }
}
