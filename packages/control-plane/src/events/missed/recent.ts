import type { Follower } from '../../log/log.ts'
import { encodeAudience, includes } from '../../rows/log/audience.ts'
import { type EncodedEvent, readNewest, type StoredEvent } from '../../rows/log/events.ts'
import type { Reader } from '../../store/db.ts'

/**
 * The newest events of the log. After a control plane has ended all nodes come again at once, each a few events behind: without these, each
 * stream would read the same rows of the database for itself, of which hardly any is for its node.
 */
export interface RecentEvents {
  /** Those for a node after a sequence, in order; undefined where not all of them are known here. */
  of(no: number, afterSeq: number): { events: StoredEvent[]; lastSeq: number } | undefined
  follow: Follower
}

export interface RecentLimits {
  events: number
  /** Of all together, payloads and recipients. */
  size: number
}

const usual: RecentLimits = { events: 1_000, size: 8 * 1024 * 1024 }

/** Call it before anything is committed, and have it follow from there. */
export async function openRecentEvents(reader: Reader, lastSeq: number): Promise<RecentEvents> {
  return createRecentEvents(await readNewest(reader, usual.events), lastSeq)
}

/** `events` are the last ones of the log, in order. */
export function createRecentEvents(
  events: readonly EncodedEvent[],
  lastSeq: number,
  limits = usual,
): RecentEvents {
  const kept: EncodedEvent[] = []
  /** All after it are kept. */
  let afterSeq = (events[0]?.seq ?? lastSeq + 1) - 1
  let last = lastSeq
  let size = 0

  function keep(event: EncodedEvent): void {
    kept.push(event)
    size += sizeOf(event)
    while (kept.length > limits.events || size > limits.size) {
      const dropped = kept.shift()
      if (!dropped) return
      size -= sizeOf(dropped)
      afterSeq = dropped.seq
    }
  }

  for (const event of events) keep(event)
  return {
    of: (no, seq) =>
      seq < afterSeq
        ? undefined
        : {
            events: kept.filter((event) => event.seq > seq && includes(event.audience, no)),
            lastSeq: last,
          },
    follow({ events, lastSeq }) {
      for (const event of events) keep({ ...event, audience: encodeAudience(event.audience) })
      last = lastSeq
    },
  }
}

function sizeOf({ payload, audience }: EncodedEvent): number {
  return payload.length + audience.byteLength
}
