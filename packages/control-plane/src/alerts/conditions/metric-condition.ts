import type { AlertCondition } from '@plexd/protocol'
import { roundTo } from '@plexd/runtime'
import { nameOfKey } from '../../telemetry/packs/samples.ts'
import { type Facts, is, type Reading, type SeriesValue, staleMs, unknown } from './facts.ts'

type MetricCondition = NonNullable<AlertCondition['metric']>
type ValueFacts = Pick<Facts, 'nowMs' | 'valuesOf'>

/** Holds if it does for any of the series; the value is that which is furthest beyond the bound. Pure. */
export function readMetric(wanted: MetricCondition, facts: ValueFacts): Reading {
  const { above, below } = wanted
  const values = judgedValues(wanted, facts)
  const [first] = values
  if (!first) return unknown
  const largest = values.reduce((a, b) => (b.value > a.value ? b : a), first)
  const smallest = values.reduce((a, b) => (b.value < a.value ? b : a), first)
  if (above !== undefined && largest.value > above) return readingOf(true, largest)
  if (below !== undefined && smallest.value < below) return readingOf(true, smallest)
  return readingOf(false, above === undefined ? smallest : largest)
}

/** What is compared: values, or shares of those that have the same labels, as Prometheus divides. */
export function judgedValues(
  { name, of }: Pick<MetricCondition, 'name' | 'of'>,
  facts: ValueFacts,
): readonly SeriesValue[] {
  const parts = freshValues(name, facts)
  if (of === undefined) return parts
  const wholes = new Map(
    freshValues(of, facts).map(({ series, value }) => [labelsOf(series), value]),
  )
  return parts.flatMap((part) => {
    const whole = wholes.get(labelsOf(part.series))
    return whole ? [{ ...part, value: part.value / whole }] : []
  })
}

/** The clock of the node has stamped them, and may be behind. */
export function freshValues(name: string, { nowMs, valuesOf }: ValueFacts): readonly SeriesValue[] {
  const [skew] = valuesOf('agent_stats.clock_skew_seconds')
  const behindMs = Math.max(0, skew?.value ?? 0) * 1_000
  return valuesOf(name).filter(({ atMs }) => nowMs - atMs - behindMs <= staleMs)
}

export function describeMetric(
  { name, of, above, below }: MetricCondition,
  { value, series = name }: Reading,
): string {
  const isAbove = above !== undefined && (value ?? 0) > above
  const bound = isAbove ? `above ${above}` : `below ${below}`
  return `${series}${of === undefined ? '' : ` / ${of}`} is ${rounded(value)}, ${bound}`
}

function readingOf(holds: boolean, { value, series }: SeriesValue): Reading {
  return { ...is(holds, value), series }
}

function labelsOf(series: string): string {
  return series.slice(nameOfKey(series).length)
}

function rounded(value: number | null): string {
  return String(roundTo(value ?? 0, 4))
}
