import type { Reader } from '../store/db.ts'
import { decodeAudience } from './audience.ts'
import { formatPosition, type LoggedEvent } from './event-log.ts'

/** How far the log has come, in all and for each node. */
export interface Heads {
  readonly epoch: string
  /** Sequence of the last event that is committed. */
  last(): number
  /** Sequence of the last event addressed to a node; for one with none in the log at start, where the log began. */
  of(no: number): number
  /** `<epoch>-<sequence>`: the revision of a node's desired state. */
  revisionOf(no: number): string
  /** Whether the log still has all that was addressed to a node behind a sequence. */
  canResume(no: number, afterSeq: number): boolean
  advance(events: readonly LoggedEvent[]): void
  /** The log has lost what is up to `seq`. */
  prune(seq: number): void
  prunedThrough(): number
}

export interface KnownHeads {
  epoch: string
  /** What is up to here is no longer in the log. */
  prunedThrough: number
  lastSeq: number
  heads: Map<number, number>
}

export function createHeads({ epoch, prunedThrough, lastSeq, heads }: KnownHeads): Heads {
  let last = lastSeq
  let pruned = prunedThrough
  const of = (no: number): number => heads.get(no) ?? prunedThrough
  return {
    epoch,
    last: () => last,
    of,
    revisionOf: (no) => formatPosition({ epoch, seq: of(no) }),
    canResume: (no, afterSeq) => afterSeq <= last && afterSeq >= Math.min(of(no), pruned),
    prunedThrough: () => pruned,
    prune(seq) {
      pruned = Math.max(pruned, seq)
    },
    advance(events) {
      for (const event of events) {
        for (const no of event.audience) heads.set(no, event.seq)
        last = event.seq
      }
    },
  }
}

/** Reads the log from its end until every node has been found. */
export async function loadHeads(
  reader: Reader,
  { nodes, ...known }: { epoch: string; prunedThrough: number; nodes: Iterable<number> },
): Promise<Heads> {
  const wanted = new Set(nodes)
  const heads = new Map<number, number>()
  let lastSeq = known.prunedThrough
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    const rows = await readBackwards(reader, before)
    lastSeq = Math.max(lastSeq, rows[0]?.seq ?? 0)
    for (const { seq, audience } of rows)
      for (const no of decodeAudience(audience)) if (wanted.delete(no)) heads.set(no, seq)
    const oldest = rows.at(-1)
    if (!oldest || wanted.size === 0) return createHeads({ ...known, lastSeq, heads })
    before = oldest.seq
  }
}

function readBackwards(reader: Reader, before: number) {
  return reader
    .selectFrom('events')
    .select(['seq', 'audience'])
    .where('seq', '<', before)
    .orderBy('seq', 'desc')
    .limit(1_000)
    .execute()
}
