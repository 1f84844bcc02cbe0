export interface Quantiles {
  count: number
  min: number
  median: number
  p99: number
  max: number
}

/** Of at least one number. */
export function quantiles(numbers: readonly number[]): Quantiles {
  const sorted = Float64Array.from(numbers).sort()
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
  return {
    count: sorted.length,
    min: sorted[0] ?? Number.NaN,
    median: at(0.5),
    p99: at(0.99),
    max: at(1),
  }
}
