import { type MetricPoint, metricValues } from '@plexd/protocol'
import { hourMs, seriesKey, slotMs } from './hour.ts'

/** A value of one series. */
export interface Sample {
  key: string
  value: number
  atMs: number
}

/** A node sends what waited on its disk while the control plane was away; what is older than this comes from a clock that is wrong. */
export const maxLateMs = 7 * 24 * hourMs

const metricName = /^[A-Za-z_][\w.:-]{0,127}$/
const peerName = /^[\w.:-]{1,64}$/

/**
 * The values of a stored point; none of one whose time or names are nonsense. What claims to be from the future is of the time at which it
 * came: a clock that is ahead would hide its node for as long.
 */
export function samplesOf(record: string, arrivedMs: number): Sample[] {
  const point = metricValues(JSON.parse(record) as MetricPoint) // checked when it came
  if (!point || arrivedMs - point.atMs > maxLateMs) return []
  const { peer_id, group } = point
  if (peer_id !== undefined && !peerName.test(peer_id)) return []
  const atMs = Math.min(point.atMs, arrivedMs)
  return Object.entries(point.values)
    .map(([field, value]) => ({ metric: `${group}.${field}`, value }))
    .filter(({ metric }) => metricName.test(metric))
    .map(({ metric, value }) => ({ key: seriesKey(metric, peer_id), value, atMs }))
}

export function placeOf(atMs: number): { startMs: number; slot: number } {
  const startMs = atMs - (atMs % hourMs)
  return { startMs, slot: Math.floor((atMs - startMs) / slotMs) }
}
