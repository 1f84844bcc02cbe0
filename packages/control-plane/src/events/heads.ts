import type { Follower } from '../log/log.ts'
import { formatPosition, parsePosition } from '../log/position.ts'
import { decodeAudience } from '../rows/log/audience.ts'
import { readAudiencesBefore } from '../rows/log/events.ts'
import { type Life, readLives } from '../rows/log/lives.ts'
import { readSetting } from '../rows/settings.ts'
import type { Reader } from '../store/db.ts'

/** The head of the log, overall and for each node. */
export interface Heads {
  /** Sequence of the last committed event. */
  last(): number
  /** Sequence of the last event addressed to a node; for a node without events in the log, the start of the log. */
  of(no: number): number
  /** The position of an event. */
  positionOf(seq: number): string
  /** The revision of a node's desired state: the position of the last event addressed to it. */
  revisionOf(no: number): string
  /** The sequence of a position, or why it does not belong to the history of this log. */
  find(position: string): Found
  /** Whether the log still contains everything addressed to a node after a sequence. */
  canResume(no: number, afterSeq: number): boolean
  follow: Follower
  prunedThrough(): number
}

export type Found =
  | { seq: number; isRevision: boolean; unknown?: undefined }
  | { seq?: undefined; isRevision?: undefined; unknown: string }

interface KnownLog {
  epoch: string
  /** The current run: events after `lastSeq` are written by it. */
  life: string
  /** Everything up to this sequence has been pruned. */
  prunedThrough: number
  /** The lives in the log, oldest first. */
  lives: readonly Life[]
  lastSeq: number
  heads: Map<number, number>
}

function createHeads(known: KnownLog): Heads {
  const { epoch, prunedThrough, lastSeq, heads } = known
  let last = lastSeq
  let pruned = prunedThrough
  const of = (no: number): number => heads.get(no) ?? prunedThrough
  const lifeOf = (seq: number): string | undefined =>
    seq > lastSeq ? known.life : known.lives.findLast(({ first_seq }) => first_seq <= seq)?.id
  const positionOf = (seq: number): string =>
    formatPosition({ epoch, seq, life: lifeOf(seq) ?? known.life })
  return {
    last: () => last,
    of,
    positionOf,
    revisionOf: (no) => positionOf(of(no)),
    find(text) {
      const position = parsePosition(text)
      if (!position) return { unknown: 'is not one of ours' }
      const { seq, life, isRevision } = position
      if (position.epoch !== epoch) return { unknown: 'is of another event log' }
      if (seq > last) return { unknown: 'is ahead of the event log' }
      if (life !== lifeOf(seq))
        return { unknown: 'is of a history that a restored backup took back' }
      return { seq, isRevision }
    },
    canResume: (no, afterSeq) => afterSeq <= last && afterSeq >= Math.min(of(no), pruned),
    prunedThrough: () => pruned,
    follow({ changes, events, lastSeq }) {
      for (const change of changes)
        if (change.type === 'log_trimmed') pruned = Math.max(pruned, change.through)
      for (const { audience, seq } of events) for (const no of audience) heads.set(no, seq)
      last = lastSeq
    },
  }
}

/** Reads the log backwards until the head of every node is known. `life` is the current run. */
export async function loadHeads(
  reader: Reader,
  { life, nodes }: { life: string; nodes: Iterable<number> },
): Promise<Heads> {
  const epoch = (await readSetting(reader, 'epoch')) ?? ''
  const prunedThrough = Number((await readSetting(reader, 'events_pruned_through')) ?? 0)
  const lives = await readLives(reader)
  const wanted = new Set(nodes)
  const heads = new Map<number, number>()
  let lastSeq = prunedThrough
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    const rows = await readAudiencesBefore(reader, before)
    lastSeq = Math.max(lastSeq, rows[0]?.seq ?? 0)
    for (const { seq, audience } of rows)
      for (const no of decodeAudience(audience)) if (wanted.delete(no)) heads.set(no, seq)
    const oldest = rows.at(-1)
    if (!oldest || wanted.size === 0)
      return createHeads({ epoch, life, prunedThrough, lives, lastSeq, heads })
    before = oldest.seq
  }
}
