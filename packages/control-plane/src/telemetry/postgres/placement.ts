import type { Arrival, Written } from '../pack-writer.ts'
import type { RecordKind } from '../packs/kinds.ts'
import { type Pack, withoutKnown } from '../packs/pack.ts'
import type { Mark } from '../partition-tables.ts'

/** A group of packs with the ids that their new records get. */
export interface Placement {
  /** In the order of the arrivals. */
  written: readonly Written[]
  /** Those of the packs that are new. */
  placed: readonly (Omit<Arrival, 'position'> & { pack: Pack; lastId: number })[]
  /** Of the nodes whose queue has a position. */
  marks: readonly Mark[]
  /** The last id after all of them. */
  lastId: number
}

/** Pure: what is new of packs that come one after another, behind `lastId` and the marks that there are. */
export function placeArrivals(
  kind: RecordKind,
  arrivals: readonly Arrival[],
  before: { lastId: number; marks: readonly Mark[] },
): Placement {
  const marks = new Map(before.marks.map((mark) => [mark.node_id, mark]))
  let { lastId } = before
  const placed: Placement['placed'][number][] = []
  const written = arrivals.map(({ position, ...arrival }): Written => {
    const known = position && marks.get(position.of)
    const pack = position
      ? withoutKnown(kind, arrival.pack, knownOf(known, position))
      : arrival.pack
    if (position)
      marks.set(position.of, markBehind(known, position, position.first + arrival.pack.to))
    const firstId = lastId + 1
    if (pack) {
      lastId += pack.count
      placed.push({ ...arrival, pack, lastId })
    }
    return { pack, firstId }
  })
  return { written, placed, marks: [...marks.values()], lastId }
}

type Position = NonNullable<Arrival['position']>

/** How many places at the beginning of a batch the node has sent before. */
function knownOf(mark: Mark | undefined, { epoch, first }: Position): number {
  return mark?.epoch === epoch ? mark.next - first : 0
}

function markBehind(mark: Mark | undefined, { of, epoch }: Position, next: number): Mark {
  return { node_id: of, epoch, next: mark?.epoch === epoch ? Math.max(mark.next, next) : next }
}
