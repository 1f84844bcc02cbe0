/** Of at least one number. */
export function quantiles(numbers: readonly number[]): {
  median: number
  p99: number
  max: number
} {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
  return { median: at(0.5), p99: at(0.99), max: at(1) }
}
