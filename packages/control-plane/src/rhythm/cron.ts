import { ApiError } from '@plexd/protocol'
import { Cron } from 'croner'

/** When a schedule is due: a cron expression in a time zone. */
export interface Rhythm {
  cron: string
  time_zone: string
}

const words = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually']

/**
 * Refuses what is no cron expression of five fields or one of the words, or a time zone that nobody knows. Croner also takes
 * seconds, years and dates, and offsets for time zones: an offset has no summer time, which a name would.
 * Throws an ApiError (400).
 */
export function checkRhythm({ cron, time_zone }: Rhythm, nowMs: number): void {
  refuseTimeZone(time_zone)
  const fields = cron.trim().split(/\s+/)
  if (fields.length !== 5 && !words.includes(cron.trim().toLowerCase()))
    throw refusal(cron, `it has ${fields.length === 1 ? 'one field' : `${fields.length} fields`}`)
  let next: number | undefined
  try {
    next = nextDue({ cron, time_zone }, nowMs)
  } catch (error) {
    throw refusal(cron, error instanceof Error ? error.message.replace(/^\w+: /, '') : '')
  }
  if (next === undefined) throw refusal(cron, 'no such day ever comes')
}

function refusal(cron: string, why: string): ApiError {
  return new ApiError(
    'bad_request',
    `cron "${cron}": ${why}: want minute, hour, day of month, month and day of week, such as "30 3 * * mon-fri", or one of ${words.join(', ')}`,
  )
}

function refuseTimeZone(name: string): void {
  if (/^[A-Za-z]/.test(name) && isTimeZone(name)) return
  throw new ApiError(
    'bad_request',
    `time_zone "${name}": want a name of the IANA database, such as "Europe/Berlin" or "UTC"`,
  )
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}

/**
 * The first time after a moment at which it is due, in milliseconds since 1970; undefined if there is none.
 * When clocks go forward, a time that is left out comes once, at the end of the gap. When they go back, a time of day that
 * comes twice counts the first time; what comes every hour, or every few minutes, goes on through both.
 */
export function nextDue({ cron, time_zone }: Rhythm, afterMs: number): number | undefined {
  const pattern = new Cron(cron.trim(), { timezone: time_zone, mode: '5-part' })
  return pattern.nextRun(new Date(afterMs))?.getTime()
}

/** The last time up to a moment, included, at which it was due; undefined if there is none. */
export function lastDue({ cron, time_zone }: Rhythm, untilMs: number): number | undefined {
  const pattern = new Cron(cron.trim(), { timezone: time_zone, mode: '5-part' })
  // Times are whole minutes, and Croner looks in front of a moment in whole seconds.
  const behind = Math.floor(untilMs / 60_000) * 60_000 + 1_000
  return pattern.previousRuns(1, new Date(behind))[0]?.getTime()
}
