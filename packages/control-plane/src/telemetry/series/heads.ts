import type { Programs } from '../latest/programs.ts'
import type { PointSamples } from '../packs/samples.ts'
import type { RecordSource } from '../store.ts'
import { bucketOf } from './bucket.ts'
import { addBucket, addHour, emptyHour, type Hour, type HourRoom } from './hour.ts'
import { hourMs, placeOf } from './place.ts'
import type { Head } from './series-file.ts'

/** A metric point as it came. */
export interface ArrivedPoint {
  id: number
  source: RecordSource
  received_at: number
  /** Undefined for one without a time. */
  point: PointSamples | undefined
}

/** Why a value is in no series: its name is none, it is a week old, or a limit. */
export type LeftOutReason = 'name' | 'late' | 'node_series' | 'program_series'

/** What has come and is not on disk yet, by node. Pure state. */
export interface Heads {
  /** The greatest id that was seen. */
  lastId(): number
  /** Takes a point, unless it is on disk. */
  take(point: ArrivedPoint): void
  /** From now on each record comes once. */
  forgetMarks(): void
  /** Values in memory. */
  size(): number
  nodeIds(): string[]
  of(nodeId: string): Head | undefined
  /** Those of the nodes, which are here no longer. */
  takeOut(nodeIds: readonly string[]): Map<string, Head>
  /** What could not be written. */
  putBack(heads: ReadonlyMap<string, Head>): void
}

export interface HeadsOptions {
  /** Where it goes on: the ids of the newest records that are on disk, of all nodes and of each. */
  lastId: number
  marks: ReadonlyMap<string, number>
  room: HourRoom
  programs: Pick<Programs, 'take'>
  onLeftOut(reason: LeftOutReason, values: number): void
}

/** A node sends what waited on its disk while the control plane was away; what is older than this comes from a clock that is wrong. */
export const maxLateMs = 7 * 24 * hourMs

export function createHeads({ room, programs, onLeftOut, ...start }: HeadsOptions): Heads {
  const heads = new Map<string, Head>()
  const marks = new Map(start.marks)
  let { lastId } = start
  let size = 0

  function headOf(nodeId: string): Head {
    return heads.getOrInsertComputed(nodeId, () => ({ lastId: 0, points: 0, hours: new Map() }))
  }

  /** What claims to be from the future is of the time at which it came: a clock that is ahead would hide its node for as long. */
  function takeSamples(
    head: Head,
    { source, received_at: arrivedMs }: ArrivedPoint,
    { atMs: measuredMs, samples, nameless }: PointSamples,
  ): void {
    if (nameless > 0) onLeftOut('name', nameless)
    if (arrivedMs - measuredMs > maxLateMs) {
      onLeftOut('late', samples.length)
      return
    }
    const atMs = Math.min(measuredMs, arrivedMs)
    const { startMs, slot } = placeOf(atMs)
    const hour = head.hours.getOrInsertComputed(startMs, emptyHour)
    for (const sample of samples) {
      const {
        series: { key, isProgram },
        value,
      } = sample
      if (isProgram && !programs.take(source, sample, { atMs, arrivedMs, isNew: false }))
        onLeftOut('program_series', 1)
      else if (addBucket(hour, key, { slot, bucket: bucketOf(value, atMs), room })) count(head, 1)
      else onLeftOut(isProgram ? 'program_series' : 'node_series', 1)
    }
  }

  function count(head: Head, points: number): void {
    head.points += points
    size += points
  }

  return {
    lastId: () => lastId,
    take(arrived) {
      const { id, source, point } = arrived
      lastId = Math.max(lastId, id)
      if (id <= (marks.get(source.node_id) ?? 0)) return
      const head = headOf(source.node_id)
      head.lastId = id
      if (point) takeSamples(head, arrived, point)
    },
    forgetMarks: () => marks.clear(),
    size: () => size,
    nodeIds: () => [...heads.keys()],
    of: (nodeId) => heads.get(nodeId),
    takeOut(nodeIds) {
      const taken = new Map<string, Head>()
      for (const id of nodeIds) {
        const head = heads.get(id)
        if (head) taken.set(id, head)
        heads.delete(id)
      }
      for (const { points } of taken.values()) size -= points
      return taken
    },
    putBack(taken) {
      for (const [nodeId, { lastId, points, hours }] of taken) {
        const head = headOf(nodeId)
        head.lastId = Math.max(head.lastId, lastId)
        count(head, points)
        addHours(head.hours, hours, room)
      }
    },
  }
}

function addHours(to: Map<number, Hour>, hours: ReadonlyMap<number, Hour>, room: HourRoom): void {
  for (const [startMs, hour] of hours)
    addHour(to.getOrInsertComputed(startMs, emptyHour), hour, room)
}
