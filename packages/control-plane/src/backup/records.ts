import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '@plexd/runtime'
import { giveLike } from './staging.ts'

/** One attempt to make a backup, or a restore that has happened. */
export interface BackupRecord {
  kind: 'create' | 'restore'
  /** When it ended. */
  at: string
  outcome: 'ok' | 'failed'
  by: 'schedule' | 'command'
  /** The backup. */
  file: string
  bytes?: number
  seconds?: number
  parts?: readonly string[]
  is_encrypted?: boolean
  /** Of the event log, as in the backup. */
  epoch?: string
  sequence?: number
  /** Why it failed. */
  reason?: string
}

const maxRecords = 200

/** The newest last; none if the file is missing or unreadable. */
export function readRecords(dataDir: string): BackupRecord[] {
  const path = join(dataDir, 'backups.json')
  if (!existsSync(path)) return []
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(found) ? (found as BackupRecord[]) : [] // written by addRecord
  } catch {
    return []
  }
}

/** Kept in a file, because a backup is made by a process of its own, and a restored state has to say that it is one. */
export async function addRecord(
  dataDir: string,
  record: BackupRecord,
  owner = dataDir,
): Promise<void> {
  const path = join(dataDir, 'backups.json')
  const records = [...readRecords(dataDir), record].slice(-maxRecords)
  await writeFileAtomic(path, `${JSON.stringify(records, null, 2)}\n`)
  giveLike(owner, path)
}

/** The last backup that succeeded; undefined if there is none. */
export function lastSuccess(records: readonly BackupRecord[]): BackupRecord | undefined {
  return records.findLast(({ kind, outcome }) => kind === 'create' && outcome === 'ok')
}

/** What a schedule failed to do, unless a backup was made since. Who types a command sees for himself that it fails. */
export function failureOf(records: readonly BackupRecord[]): BackupRecord | undefined {
  const last = records.findLast(
    ({ kind, outcome, by }) => kind === 'create' && (outcome === 'ok' || by === 'schedule'),
  )
  return last?.outcome === 'failed' ? last : undefined
}
