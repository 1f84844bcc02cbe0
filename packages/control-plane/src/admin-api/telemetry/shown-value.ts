import { roundTo } from '@plexd/runtime'

/** As many digits as a double has for every number: with more, clients that keep numbers exactly would not take it for one. */
export function shownValue(value: number): number {
  return roundTo(value, 15)
}
