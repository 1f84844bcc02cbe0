import { addHour, emptyHour, encodeHour, type Hour, type HourRoom, storedHour } from './hour.ts'

/** A row as it is stored. */
export interface HourRow {
  start_ms: number
  data: Uint8Array
}

export interface HourMergeOptions {
  room: HourRoom
  /** Values that a stored hour had no room for. */
  onLeftOut(reason: 'hour', buckets: number): void
  /** What is stored of an hour cannot be read. */
  noteDamage(reason: string): void
}

/** Makes the bytes of an hour from those before and from what has come since. */
export interface HourMerge {
  read(nodeId: string, rows: readonly HourRow[]): Map<number, Hour>
  /** With the bytes that the hour has more than before. */
  merge(
    place: { nodeId: string; startMs: number },
    news: Hour,
    before: Uint8Array | undefined,
  ): { data: Uint8Array; growth: number }
}

/** The overhead of a row. */
export const rowBytes = 96

export function createHourMerge({ room, onLeftOut, noteDamage }: HourMergeOptions): HourMerge {
  /** Empty if it is damaged, so that what comes is kept all the same. */
  function readHour(nodeId: string, startMs: number, data: Uint8Array): Hour {
    const hour = storedHour(data, startMs)
    if (!hour) noteDamage(damagedHour(nodeId, startMs))
    return hour ?? emptyHour()
  }

  return {
    read: (nodeId, rows) =>
      new Map(rows.map(({ start_ms, data }) => [start_ms, readHour(nodeId, start_ms, data)])),
    merge({ nodeId, startMs }, news, before) {
      const hour = before ? readHour(nodeId, startMs, before) : emptyHour()
      const leftOut = addHour(hour, news, room)
      if (leftOut > 0) onLeftOut('hour', leftOut)
      const data = encodeHour(hour, startMs)
      return { data, growth: data.length - (before ? before.length : -rowBytes) }
    },
  }
}

export function damagedHour(nodeId: string, startMs: number): string {
  const hour = new Date(startMs).toISOString()
  return `the metrics of "${nodeId}" in the hour from ${hour} cannot be read: their checksum is another`
}
