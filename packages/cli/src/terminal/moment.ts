import { parseDuration } from '@plexd/protocol'
import { InvalidArgumentError } from 'commander'

const dayMs = 24 * 3_600_000
const days = /^(\d{1,5})(d|w)$/
const date = /^(\d{4})-(\d{2})-(\d{2})(?:[ t](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/
const time = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

/**
 * A time as a person says it, in milliseconds since 1970: `1h`, `2d`, `1h ago`, `now`, `today`, `yesterday`, `10:30`, `2026-01-02 10:00`, or
 * RFC 3339. What names no zone is of the time zone of this machine. Undefined for anything else.
 */
export function momentOf(text: string, nowMs: number): number | undefined {
  const words = text.trim().toLowerCase()
  const ms =
    namedMs(words, nowMs) ??
    agoMs(words.replace(/ +ago$/, ''), nowMs) ??
    clockMs(words, nowMs) ??
    calendarMs(words) ??
    (rfc3339.test(words) ? Date.parse(words) : Number.NaN)
  return Number.isFinite(ms) ? ms : undefined
}

/** For an option: checks it while the command line is read, so that a typing error costs no call. */
export function momentFlag(text: string): string {
  if (momentOf(text, 0) === undefined)
    throw new InvalidArgumentError(
      'Want how long ago, such as 30m, 2h or 3d, or a time such as yesterday, 10:30, "2026-01-02 10:00" or 2026-01-02T10:00:00Z.',
    )
  return text
}

function namedMs(words: string, nowMs: number): number | undefined {
  if (words === 'now') return nowMs
  if (words !== 'today' && words !== 'yesterday') return undefined
  const midnight = new Date(nowMs)
  midnight.setHours(0, 0, 0, 0)
  // Days in which the clock is changed have other lengths.
  if (words === 'yesterday') midnight.setDate(midnight.getDate() - 1)
  return midnight.getTime()
}

function agoMs(words: string, nowMs: number): number | undefined {
  const [, count, unit] = days.exec(words) ?? []
  if (count !== undefined) return nowMs - Number(count) * dayMs * (unit === 'w' ? 7 : 1)
  try {
    const ms = parseDuration(words)
    return ms < 0 ? undefined : nowMs - ms
  } catch {
    return undefined
  }
}

/** The last time that it was so late. */
function clockMs(words: string, nowMs: number): number | undefined {
  const [, hours, minutes, seconds = 0] = time.exec(words) ?? []
  if (hours === undefined || !isClock(hours, minutes, seconds)) return undefined
  const at = new Date(nowMs)
  at.setHours(Number(hours), Number(minutes), Number(seconds), 0)
  if (at.getTime() > nowMs) at.setDate(at.getDate() - 1)
  return at.getTime()
}

function calendarMs(words: string): number | undefined {
  const [, year, month, day, hours = 0, minutes = 0, seconds = 0] = date.exec(words) ?? []
  if (year === undefined || !isClock(hours, minutes, seconds)) return undefined
  const at = new Date(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hours),
    Number(minutes),
    Number(seconds),
  )
  // Date makes the 3rd of March of the 31st of February.
  return at.getMonth() === Number(month) - 1 && at.getDate() === Number(day)
    ? at.getTime()
    : undefined
}

function isClock(hours: unknown, minutes: unknown, seconds: unknown): boolean {
  return Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60
}
