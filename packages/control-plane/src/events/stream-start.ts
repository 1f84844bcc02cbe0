import type { Heads } from './heads.ts'

/** The node's position: its last event, and the revision of its state. Empty if unknown. */
export interface Whereabouts {
  lastEventId: string
  revision: string
}

/** Where a stream begins. */
export interface StreamStart {
  /** Undefined: only new events. */
  cursorSeq?: number
  /** Whether the node has also shown a state of this history. */
  isProven?: boolean
  /** Why earlier events cannot be delivered to the node. */
  resync?: string
}

/**
 * Where a stream begins: after the last event, or, without one, after the node's state. If the position cannot be
 * resumed, the node is always told.
 */
export function startOf(
  { lastEventId, revision }: Whereabouts,
  no: number,
  heads: Heads,
): StreamStart {
  const state = revision === '' ? undefined : heads.find(revision)
  if (state?.unknown !== undefined) return { resync: `the revision ${state.unknown}` }
  const cursor = lastEventId === '' ? state : heads.find(lastEventId)
  if (!cursor) return {}
  if (cursor.unknown !== undefined) return { resync: `the last event id ${cursor.unknown}` }
  if (heads.canResume(no, cursor.seq))
    return { cursorSeq: cursor.seq, isProven: !!state?.isRevision }
  return { resync: 'the last event id is older than the event log' }
}
