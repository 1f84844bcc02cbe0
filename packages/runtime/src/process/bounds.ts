import { formatDuration, parseDuration } from '@plexd/protocol'

/** What the number of a setting may be. */
export interface Bounds {
  /** What counts: a whole number of these. */
  unit: 'bytes' | 'ms' | 'count'
  min: number
  max: number
  /** What 0 stands for, where it may be below the least. */
  zero?: string
  /** Why no more, where that is not to be seen. */
  maxWhy?: string
}

/** Reads the value of a setting. Throws an error that says what it may be. */
export type BoundedReader = ((value: unknown) => number) & { readonly bounds: Bounds }

/** Of numbers, which may be text, and of durations as text with a unit ("30s"), which become milliseconds. */
export function boundedReader(bounds: Bounds): BoundedReader {
  const numberOf = bounds.unit === 'ms' ? milliseconds : wholeNumber
  return Object.assign((value: unknown) => withinBounds(numberOf(value, bounds), bounds), {
    bounds,
  })
}

/** Throws a RangeError that says what it may be. */
export function withinBounds(number: number, bounds: Bounds): number {
  const { min, max, zero, unit, maxWhy } = bounds
  if (number === 0 && zero !== undefined) return 0
  if (Number.isInteger(number) && number >= min && number <= max) return number
  if (unit !== 'ms') throw new RangeError(`want a whole number from ${min} to ${max}`)
  if (number < min) throw new RangeError(`want at least ${durationText(min)}${orZero(bounds)}`)
  if (number > max)
    throw new RangeError(
      `want at most ${durationText(max)}${orZero(bounds)}${maxWhy === undefined ? '' : `: ${maxWhy}`}`,
    )
  throw new RangeError('want whole milliseconds')
}

/** For the reference and `--help`: `1m to 24h`. */
export function describeBounds(bounds: Bounds): string {
  const { min, max, unit } = bounds
  const textOf = unit === 'ms' ? durationText : String
  return `${textOf(min)} to ${textOf(max)}${orZero(bounds)}`
}

function orZero({ zero }: Bounds): string {
  return zero === undefined ? '' : `, or 0 for ${zero}`
}

/** As one would write it: `24h` where Go has `24h0m0s`. */
function durationText(ms: number): string {
  return formatDuration(ms)
    .replace(/(?<=[hm])0s$/, '')
    .replace(/(?<=h)0m$/, '')
}

function milliseconds(value: unknown): number {
  if (typeof value !== 'string') throw new TypeError('want a number and a unit, such as "30s"')
  return parseDuration(value)
}

function wholeNumber(value: unknown, bounds: Bounds): number {
  const number = typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? Number(value) : value
  if (typeof number === 'number') return number
  throw new TypeError(`want a whole number from ${describeBounds(bounds)}`)
}
