import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { BackupHealth } from '../../http/metrics/shown.ts'
import { type BackupRecord, failureOf, lastSuccess, readRecords } from '../records.ts'

/** What is known of backups, whoever made them. */
export interface BackupWatch {
  /** The newest last. */
  records(): readonly BackupRecord[]
  /** One that could not write its record itself. */
  failed(record: BackupRecord): void
}

/** Reads the records again when their file has changed. */
export function watchBackups(dataDir: string): BackupWatch {
  const path = join(dataDir, 'backups.json')
  let known: { changedMs: number; records: readonly BackupRecord[] } | undefined
  let unwritten: { record: BackupRecord; after: readonly BackupRecord[] } | undefined

  function inFile(): readonly BackupRecord[] {
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (known?.changedMs !== changedMs) known = { changedMs, records: readRecords(dataDir) }
    return known.records
  }

  return {
    records() {
      const records = inFile()
      // What was written since is newer, whatever the clock says.
      return unwritten?.after === records ? [...records, unwritten.record] : records
    },
    failed(record) {
      unwritten = { record, after: inFile() }
    },
  }
}

/** For monitors. */
export function healthOf(records: readonly BackupRecord[]): BackupHealth {
  const last = lastSuccess(records)
  return {
    lastSuccessMs: last && Date.parse(last.at),
    isFailing: failureOf(records) !== undefined,
  }
}
