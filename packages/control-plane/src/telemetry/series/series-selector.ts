import { type LabelMatcher, type MetricSelector, matchesLabels } from '@plexd/protocol'
import { readSeriesKey } from '../packs/samples.ts'

/** The series of one metric that are meant. */
export interface SeriesSelector {
  group: string
  /** With the group before it, as in `shop.orders_total`. */
  name: string
  matchers: readonly LabelMatcher[]
}

export function seriesSelectorOf({ group, name, matchers }: MetricSelector): SeriesSelector {
  return { group, name: `${group}.${name}`, matchers }
}

/** Whether one of the metric is meant, by its key. */
export function isSelected({ matchers }: SeriesSelector, key: string): boolean {
  return matchers.length === 0 || matchesLabels(matchers, readSeriesKey(key).labels)
}
