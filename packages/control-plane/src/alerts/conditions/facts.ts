import type { NodeStatus } from '@plexd/protocol'
import type { LatestValue } from '../../telemetry/latest/latest-value.ts'

/** The last value of one series. */
export interface SeriesValue extends LatestValue {
  /** With its labels, as in `shop.orders_open{shop="berlin"}`. */
  series: string
}

/** What is known of a node at one time. */
export interface Facts {
  nowMs: number
  status: NodeStatus
  /** Its binary is none that is known. */
  isMismatch: boolean
  /** Of all series that the name in a rule means. */
  valuesOf(name: string): readonly SeriesValue[]
  /** When a counter among these was last seen to grow. */
  grewAtMs(name: string): number | undefined
  /** When something happened, oldest first, up to the hundred last. */
  arrivals(kind: WatchedKind): readonly number[]
  /** Since when growth and arrivals are watched: our own start. */
  watchingSinceMs: number
}

/** Records that come, and starts of plexd after the first that was seen. */
export type WatchedKind = 'drift' | 'violations' | 'restarts'

export interface Reading {
  /** `unknown` if nothing that is recent enough says either. */
  is: 'holds' | 'clear' | 'unknown'
  value: number | null
  /** Of a condition over series: the one that the value is of. */
  series?: string
}

/** Several times as long as nodes take from one value to the next. */
export const staleMs = 5 * 60_000

export const unknown: Reading = { is: 'unknown', value: null }

export function is(holds: boolean, value: number | null = null): Reading {
  return { is: holds ? 'holds' : 'clear', value }
}
