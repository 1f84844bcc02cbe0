/** Durations in Go's format (`"72h15m"`, `"2.34s"`, `"350.1µs"`), in milliseconds inside the program. */
const unitMs = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
} as const

// Both letters for micro, escaped: one that is not ASCII would double the memory of the bundle (scripts/programs/build.ts).
const whole = /^[+-]?(?:\d+(?:\.\d*)?(?:ns|[u\u00b5\u03bc]s|ms|s|m|h))+$/
const part = /(\d+(?:\.\d*)?)(ns|[u\u00b5\u03bc]s|ms|s|m|h)/g

/** Milliseconds of a Go duration; throws a RangeError that quotes an invalid text. */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  if (!whole.test(text)) {
    throw new RangeError(
      `parse duration "${text}": want a number and a unit, such as "30s" or "1h30m"`,
    )
  }
  let ms = 0
  for (const [, amount, unit] of text.matchAll(part)) {
    ms += Number(amount) * unitMs[unit as keyof typeof unitMs] // the pattern admits these units only
  }
  const exact = Number(ms.toPrecision(15)) // 1.001 * 1000 is a little less than 1001
  return text.startsWith('-') ? -exact : exact
}

/** `"72h15m0s"`, `"2.34s"`, `"0s"`: the output of Go's time.Duration for the same time, at millisecond precision. */
export function formatDuration(ms: number): string {
  const total = Math.round(Math.abs(ms))
  const sign = ms < 0 && total > 0 ? '-' : ''
  if (total === 0) return '0s'
  if (total < 1_000) return `${sign}${total}ms`
  const hours = Math.floor(total / unitMs.h)
  const minutes = Math.floor((total % unitMs.h) / unitMs.m)
  const seconds = (total % unitMs.m) / 1_000
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`
}
