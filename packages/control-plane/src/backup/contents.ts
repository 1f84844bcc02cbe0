import type { OptionalPart } from '../config/settings/backup-parts.ts'

/** What the folder for what was there before a restore begins with. */
export const asidePrefix = 'before-restore-'
/** What a restore that has happened, and is not finished yet, begins with. */
export const unfinishedPrefix = '.restore-'

/** What a file of the data folder is to a backup. Pure. */
export interface Content {
  kind: 'database' | 'artifact' | 'file'
  /** Left out for what every backup has. */
  part?: OptionalPart
}

/**
 * The first row that matches decides; undefined for what is never in a backup. A file that no row names is state: it is better to have
 * one too many than to miss it.
 */
const rows: readonly (readonly [RegExp, Content | undefined])[] = [
  // Other programs' business: locks, sockets, and what is in progress.
  [/(^|\/)\.|^lock(-|$)|-(wal|shm|journal)$|^admin\.sock$|^lost\+found\//, undefined],
  [/^artifacts\/incoming\/|\.damaged(-\d+)?$|\.salvaging$/, undefined],
  [new RegExp(`^${asidePrefix}`), undefined],
  // Of a move to PostgreSQL that was taken back.
  [/^before-move-|^database\.json$/, undefined],
  // Whoever has it is an owner; operators keep it elsewhere.
  [/^admin-token$/, undefined],
  [/^master\.key$/, { kind: 'file', part: 'master-key' }],
  [/^artifacts\//, { kind: 'artifact' }],
  [/^recordings\.db$/, { kind: 'database', part: 'recordings' }],
  [/^(telemetry|series)\.db$|^telemetry\/.*\.db$/, { kind: 'database', part: 'telemetry' }],
  [/\.db$/, { kind: 'database' }],
]

/** By its path in the data folder. */
export function contentOf(path: string): Content | undefined {
  const row = rows.find(([pattern]) => pattern.test(path))
  return row ? row[1] : { kind: 'file' }
}

/** The same for a backup that has these parts. */
export function isWanted(content: Content | undefined, parts: readonly OptionalPart[]): boolean {
  return content !== undefined && (content.part === undefined || parts.includes(content.part))
}
