import { ApiError } from '@plexd/protocol'
import type { DeleteRecord, PutRecord, ReportRecord } from './report-record.ts'
import type { ReportChange, ReportTable } from './report-table.ts'

export interface ReportWriteInput {
  key: string
  content_type: string
  /** JSON text, stored as it is. */
  payload: string
  /** The version that the entry must have; 0: there must be none. Absent: any. */
  ifVersion?: number
  /** The user by number, or `tcp`; an entry of nobody counts to nobody's quota. */
  writer?: string
}

/**
 * The report entries as they will be when all that waits is on the disk: each record is decided by that, for who writes
 * next builds on who is before him. Pure memory.
 */
export interface ReportDrafts {
  /** The last record of the key; undefined where nothing is remembered of it. */
  last(key: string): PutRecord | DeleteRecord | undefined
  /** Throws an ApiError (409) where the key has another version than it must. */
  put(input: ReportWriteInput, updated_at: string): PutRecord
  /** Undefined when there is no such entry. */
  remove(key: string): DeleteRecord | undefined
  confirm(changes: readonly ReportChange[]): ReportRecord[]
  /** A record that is written again is a change that nobody has confirmed. */
  resend(keys: readonly string[]): ReportRecord[]
  /** The key above `version`; undefined when it is there already, or leaves no room to count on. */
  raise(key: string, version: number): ReportRecord | undefined
  /** It is on its way to the disk. */
  stage(record: ReportRecord): void
  /** It is there, and in the table from now on. */
  commit(record: ReportRecord): void
  /** Nothing that is on its way will get there. */
  drop(): void
}

/** A version that a control plane names beyond this is not believed: room must remain to count on. */
const maxVersion = 2 ** 52

export function createReportDrafts(table: ReportTable): ReportDrafts {
  /** The last change of each key that is on its way. */
  const staged = new Map<string, PutRecord | DeleteRecord>()
  const last = (key: string): PutRecord | DeleteRecord | undefined =>
    staged.get(key) ?? table.last(key)
  const versionOf = (key: string): number => last(key)?.version ?? table.lastVersion(key)
  return {
    last,
    put({ ifVersion, ...input }, updated_at) {
      const version = versionOf(input.key)
      if (ifVersion !== undefined && ifVersion !== (last(input.key)?.op === 'put' ? version : 0))
        throw new ApiError('conflict', 'version conflict')
      return { op: 'put', ...input, version: version + 1, updated_at }
    },
    remove(key) {
      const entry = last(key)
      return entry?.op === 'put' ? tombstoneOf(entry, key, entry.version) : undefined
    },
    confirm: (changes) =>
      changes
        .filter(({ key }) => table.isUnsynced(key))
        .map(({ key, version, deleted }) => ({ op: 'synced', key, version, deleted })),
    resend: (keys) =>
      keys.flatMap((key) => {
        const record = last(key)
        return !record || table.isUnsynced(key) || staged.has(key) ? [] : [record]
      }),
    raise(key, version) {
      if (versionOf(key) > version || !(version < maxVersion)) return undefined
      const record = last(key)
      if (record?.op === 'put') return { ...record, version: version + 1 }
      return tombstoneOf(record, key, version + 1)
    },
    stage(record) {
      if (isChange(record)) staged.set(record.key, record)
    },
    commit(record) {
      table.apply(record)
      if (isChange(record) && staged.get(record.key) === record) staged.delete(record.key)
    },
    drop: () => staged.clear(),
  }
}

/** Whether it is one of an entry, and not of what is known of it elsewhere. */
export function isChange(record: ReportRecord): record is PutRecord | DeleteRecord {
  return record.op === 'put' || record.op === 'delete'
}

/** The key stays with who wrote it last, whoever deletes it. */
function tombstoneOf(
  last: PutRecord | DeleteRecord | undefined,
  key: string,
  version: number,
): DeleteRecord {
  return {
    op: 'delete',
    key,
    version,
    ...(last?.writer === undefined ? {} : { writer: last.writer }),
  }
}
