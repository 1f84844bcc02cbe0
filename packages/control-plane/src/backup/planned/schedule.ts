/** When backups are due, and which of them are kept. Pure. */
import type { BackupRhythm } from '../../config/settings/backups.ts'
import { lastDue } from '../../rhythm/cron.ts'

/** A failed one is not tried again sooner. */
const retryMs = 15 * 60_000

export interface Attempts {
  rhythm: BackupRhythm
  /** Undefined if there was none. */
  lastSuccessMs: number | undefined
  lastFailureMs: number | undefined
  nowMs: number
}

/** One that was missed while the control plane did not run is made up for; the first is due at once. */
export function isDue({ rhythm, lastSuccessMs, lastFailureMs, nowMs }: Attempts): boolean {
  if (lastFailureMs !== undefined && nowMs - lastFailureMs < retryMs && nowMs >= lastFailureMs)
    return false
  // One that is still to come was made while the clock was ahead: waiting for it may take years.
  if (lastSuccessMs === undefined || lastSuccessMs > nowMs) return true
  if ('everyMs' in rhythm) return nowMs >= lastSuccessMs + rhythm.everyMs
  return (lastDue(rhythm, nowMs) ?? nowMs) > lastSuccessMs
}

/** The name tells the time, so that it can be read without opening the file. */
export function backupName(nowMs: number, isEncrypted: boolean): string {
  return `plexd-${stampOf(nowMs)}.tar.zst${isEncrypted ? '.age' : ''}`
}

/** A time in UTC as it is in names: `20260310T033000Z`. */
export function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')
}

export interface Kept {
  /** So many of the newest are. */
  keep: number
  /** Others are for so long. */
  keepForMs: number | undefined
  nowMs: number
}

/**
 * Which of the files in a folder have to go. Files that were not made by a schedule stay. One whose time is still to come was made while
 * the clock was ahead: it counts as older than the others, or those that are made from now on would be the first to go.
 */
export function excessOf(names: readonly string[], { keep, keepForMs, nowMs }: Kept): string[] {
  const ours = names.flatMap((name) => {
    const [, date, time] = namePattern.exec(name) ?? []
    const atMs = date === undefined || time === undefined ? Number.NaN : timeOf(date, time)
    return Number.isNaN(atMs) ? [] : [{ name, atMs, isAhead: atMs > nowMs }]
  })
  return ours
    .toSorted((one, other) => Number(one.isAhead) - Number(other.isAhead) || other.atMs - one.atMs)
    .slice(keep)
    .filter(({ atMs }) => keepForMs === undefined || nowMs - atMs > keepForMs)
    .map(({ name }) => name)
}

const namePattern = /^plexd-(\d{8})T(\d{6})Z\.tar\.zst(?:\.age)?$/

/** What a backup was written to that was killed, or is not done yet. */
export function isRemnant(name: string): boolean {
  return /^plexd-\d{8}T\d{6}Z\.tar\.zst(?:\.age)?\.[0-9a-f]{8}\.partial$/.test(name)
}

function timeOf(date: string, time: string): number {
  const day = date.replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3')
  return Date.parse(`${day}T${time.replace(/(\d\d)(\d\d)(\d\d)/, '$1:$2:$3')}Z`)
}
