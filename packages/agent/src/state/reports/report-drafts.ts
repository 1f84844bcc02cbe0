import { ApiError } from '@plexd/protocol'
import {
  confirmationOf,
  type DeleteRecord,
  isChange,
  type PutRecord,
  type ReportChange,
  type ReportRecord,
} from './report-record.ts'
import type { ReportTable } from './report-table.ts'

export interface ReportWriteInput {
  key: string
  content_type: string
  /** JSON text, stored as it is. */
  payload: string
  /** The version that the entry must have; 0: there must be none. Absent: any. */
  ifVersion?: number
  /** A uid, or `tcp`; an entry without a writer counts only towards the common limits. */
  writer?: string
}

/**
 * The report entries as they will be when all records on their way to the disk are there. New records are based on
 * that, because each writer continues from the one before. Pure memory.
 */
export interface ReportDrafts {
  /** The last change of the key; undefined if nothing is remembered of it. */
  last(key: string): ReportChange | undefined
  /** Throws an ApiError (409) if the key has another version than required. */
  put(input: ReportWriteInput, updated_at: string): PutRecord
  /** Undefined if there is no such entry. */
  remove(key: string): DeleteRecord | undefined
  confirm(changes: readonly ReportChange[]): ReportRecord[]
  /** Writing a change again makes it unsynced. */
  resend(keys: readonly string[]): ReportChange[]
  /** Raises the key above `version`; undefined if it is there already, or if that would leave no room for further versions. */
  raise(key: string, version: number): ReportChange | undefined
  /** The record is on its way to the disk. */
  stage(record: ReportRecord): void
  /** The record is on the disk, and in the table from now on. */
  commit(record: ReportRecord): void
  /** None of the staged records will get there. */
  drop(): void
}

/** A higher version from a control plane is ignored, so that there is room to count on. */
const maxVersion = 2 ** 52

export function createReportDrafts(table: ReportTable): ReportDrafts {
  /** The last staged change of each key. */
  const staged = new Map<string, ReportChange>()
  const last = (key: string): ReportChange | undefined => staged.get(key) ?? table.last(key)
  const versionOf = (key: string): number => last(key)?.version ?? table.lastVersion(key)
  const tombstoneOf = (key: string, version: number): DeleteRecord => {
    const { writer } = last(key) ?? {}
    return { op: 'delete', key, version, ...(writer === undefined ? {} : { writer }) }
  }
  return {
    last,
    put({ ifVersion, ...input }, updated_at) {
      const version = versionOf(input.key)
      if (ifVersion !== undefined && ifVersion !== (last(input.key)?.op === 'put' ? version : 0))
        throw new ApiError('conflict', 'version conflict')
      return { op: 'put', ...input, version: version + 1, updated_at }
    },
    remove: (key) => (last(key)?.op === 'put' ? tombstoneOf(key, versionOf(key)) : undefined),
    confirm: (changes) => changes.filter(({ key }) => table.isUnsynced(key)).map(confirmationOf),
    resend: (keys) =>
      keys.flatMap((key) => (table.isUnsynced(key) || staged.has(key) ? [] : (last(key) ?? []))),
    raise(key, version) {
      if (versionOf(key) > version || !(version < maxVersion)) return undefined
      const record = last(key)
      const next = version + 1
      return record?.op === 'put' ? { ...record, version: next } : tombstoneOf(key, next)
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
