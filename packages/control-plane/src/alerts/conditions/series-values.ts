import { readMetricSelector } from '@plexd/protocol'
import type { Latest } from '../../telemetry/latest/latest.ts'
import { isProgramMetric } from '../../telemetry/packs/samples.ts'
import {
  isSelected,
  type SeriesSelector,
  seriesSelectorOf,
} from '../../telemetry/series/series-selector.ts'
import type { SeriesValue } from './facts.ts'

/** Gives the last values of the series that a name in a rule means. */
export type ValuesOf = (nodeId: string, name: string) => readonly SeriesValue[]

/** Names taken apart that are remembered: rules have few. */
const remembered = 10_000

export function createValuesOf(latest: Pick<Latest, 'of' | 'programs'>): ValuesOf {
  const selectors = new Map<string, SeriesSelector | undefined>()

  function selectorOf(name: string): SeriesSelector | undefined {
    if (selectors.size > remembered) selectors.clear()
    return selectors.getOrInsertComputed(name, () => {
      const read = readMetricSelector(name)
      return 'fault' in read ? undefined : seriesSelectorOf(read)
    })
  }

  return (nodeId, name) => {
    if (!isProgramMetric(name)) {
      const latestValue = latest.of(nodeId, name)
      return latestValue ? [{ ...latestValue, series: name }] : []
    }
    const selector = selectorOf(name)
    const found = selector && latest.programs.of(nodeId).get(selector.name)
    if (!selector || !found) return []
    return Array.from(found, ([series, { value, atMs }]) => ({ series, value, atMs })).filter(
      ({ series }) => isSelected(selector, series),
    )
  }
}
