import { gunzipSync } from 'node:zlib'
import { type BatchResponse, type Gap, parseBatchPosition } from '@plexd/protocol'
import type { TelemetryRequest } from '../buffer/sending.ts'

/** A record, or a gap, as it was stored. */
export interface StoredRecord {
  position: number
  message: string
  gap?: Gap
}

/** A control plane for one kind of one node: stores each position of an epoch once. */
export interface RecordingPlane {
  readonly stored: StoredRecord[]
  readonly requests: { position: string; bytes: number; records: number }[]
  /** What is answered in place of the usual: `before` storing, or `after` it. */
  fail: (records: number) => { before?: Error; after?: Error } | undefined
  post(request: TelemetryRequest): Promise<BatchResponse>
}

export function createRecordingPlane(): RecordingPlane {
  let mark = { epoch: '', next: 0 }
  const plane: RecordingPlane = {
    stored: [],
    requests: [],
    fail: () => undefined,
    async post({ body, position }) {
      const records = recordsIn(gunzipSync(body).toString())
      plane.requests.push({ position, bytes: body.length, records: records.length })
      const { before, after } = plane.fail(records.length) ?? {}
      if (before) throw before
      const at = parseBatchPosition(position)
      if (at?.count !== records.length) throw new Error(`${position} has ${records.length} records`)
      if (mark.epoch !== at.epoch) mark = { epoch: at.epoch, next: 0 }
      const fresh = records.map((record, index) => ({ position: at.first + index, ...record }))
      const isNew = ({ position }: StoredRecord): boolean => position >= mark.next
      const added = fresh.filter(isNew)
      plane.stored.push(...added)
      mark.next = Math.max(mark.next, at.first + at.count)
      if (after) throw after
      return { accepted: added.length, dropped: 0, duplicates: records.length - added.length }
    },
  }
  return plane
}

function recordsIn(text: string): { message: string; gap?: Gap }[] {
  const lines = text.startsWith('[') ? (JSON.parse(text) as unknown[]) : text.trimEnd().split('\n')
  return lines.map((line) => (typeof line === 'string' ? JSON.parse(line) : line))
}

/**
 * The records that arrived and those that gaps stand for, as ranges of positions in order, joined: `[[0, 10]]` if each
 * of ten did exactly once.
 */
export function rangesOf(stored: readonly StoredRecord[]): [first: number, end: number][] {
  const ranges: [number, number][] = []
  const each = stored.map(({ position, gap }): [number, number] =>
    gap ? [gap.first, gap.first + gap.count] : [position, position + 1],
  )
  for (const [first, end] of each.sort(([a], [b]) => a - b)) {
    const last = ranges.at(-1)
    if (last?.[1] === first) last[1] = end
    else ranges.push([first, end])
  }
  return ranges
}
