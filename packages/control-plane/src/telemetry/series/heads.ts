import type { Programs } from '../latest/programs.ts'
import type { PointSamples } from '../packs/samples.ts'
import type { RecordSource } from '../store.ts'
import { bucketOf } from './hours/bucket.ts'
import { addBucket, addHour, emptyHour, type Hour, type HourRoom } from './hours/hour.ts'
import { hourMs, placeOf } from './hours/place.ts'
import type { Head } from './stores/store.ts'

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

/** What has come and is not stored yet, by node. Pure state. */
export interface Heads {
  /** The greatest id that was seen. */
  lastId(): number
  /** Takes a point, unless it is stored. */
  take(point: ArrivedPoint): void
  /** From now on each record comes once. */
  forgetMarks(): void
  /** Values in memory. */
  size(): number
  nodeIds(): string[]
  /** What is being written, and what has come since. Each is stored as a whole. */
  of(nodeId: string): readonly Head[]
  /** Those of the nodes, to be written. */
  takeOut(nodeIds: readonly string[]): ReadonlyMap<string, Head>
  /** What was taken out is stored. */
  settle(): void
  /** What was taken out is not stored. */
  putBack(): void
}

export interface HeadsOptions {
  /** Where it goes on: the ids of the newest records that are stored, of all nodes and of each. */
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
  let leaving = new Map<string, Head>()
  const marks = new Map(start.marks)
  let { lastId } = start
  let size = 0

  function headOf(nodeId: string, id: number): Head {
    return heads.getOrInsertComputed(nodeId, () => emptyHead(id))
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
      const head = headOf(source.node_id, id)
      head.lastId = id
      if (point) takeSamples(head, arrived, point)
    },
    forgetMarks: () => marks.clear(),
    size: () => size,
    nodeIds: () => [...heads.keys()],
    of: (nodeId) => [leaving.get(nodeId), heads.get(nodeId)].filter((head) => head !== undefined),
    takeOut(nodeIds) {
      leaving = new Map()
      for (const id of nodeIds) {
        const head = heads.get(id)
        if (!head) continue
        leaving.set(id, head)
        heads.delete(id)
        size -= head.points
      }
      return leaving
    },
    settle() {
      leaving = new Map()
    },
    putBack() {
      for (const [nodeId, head] of leaving) {
        const since = heads.get(nodeId)
        heads.set(nodeId, since ? together(head, since, room) : head)
        size += head.points
      }
      leaving = new Map()
    },
  }
}

function emptyHead(firstId: number): Head {
  return { firstId, lastId: firstId, points: 0, hours: new Map() }
}

/** Another one: whoever reads has one of these in hand still. */
function together(head: Head, since: Head, room: HourRoom): Head {
  const both = { ...emptyHead(head.firstId), lastId: since.lastId }
  for (const { points, hours } of [head, since]) {
    both.points += points
    addHours(both.hours, hours, room)
  }
  return both
}

function addHours(to: Map<number, Hour>, hours: ReadonlyMap<number, Hour>, room: HourRoom): void {
  for (const [startMs, hour] of hours)
    addHour(to.getOrInsertComputed(startMs, emptyHour), hour, room)
}
