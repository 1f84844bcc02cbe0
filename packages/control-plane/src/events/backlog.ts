import { isMadeUpByState } from '@plexd/protocol'
import type { LoggedEvent } from '../rows/log/events.ts'

/** The events that one reader has yet to be sent. */
export interface Backlog {
  /** In order; a few at most. */
  readonly queue: readonly LoggedEvent[]
  /** Whether the log must be read first, from the cursor of the reader; nothing is queued until then. */
  readonly behind: boolean
  /** The last event that a pull will replace, and when it was added. */
  readonly missed: { readonly seq: number; readonly atMs: number } | undefined
}

/** With more events queued for a reader, the queue is dropped and they are read from the log when it is ready. */
const maxQueued = 64
/** Events that are sent by one step. */
export const maxBatch = 16

export function isFull({ queue, missed }: Backlog): boolean {
  return missed !== undefined || queue.length >= maxQueued
}

export function withEvent(backlog: Backlog, event: LoggedEvent): Backlog {
  return backlog.behind ? backlog : { ...backlog, queue: [...backlog.queue, event] }
}

/**
 * With one event too many: either all are sent, or a pull replaces all of them, or the log is read again. `pullAtMs` is
 * the present time, if the reader may be told to pull its state.
 */
export function overflown(
  backlog: Backlog,
  event: LoggedEvent,
  pullAtMs: number | undefined,
): Backlog {
  if (backlog.behind) return backlog
  const isMadeUpFor = [...backlog.queue, event].every(({ event_type }) =>
    isMadeUpByState(event_type),
  )
  if (!isMadeUpFor && !isFull(backlog)) return withEvent(backlog, event)
  if (!isMadeUpFor || pullAtMs === undefined) return { queue: [], behind: true, missed: undefined }
  return { queue: [], behind: false, missed: { seq: event.seq, atMs: pullAtMs } }
}

/** What to do next, and what remains; undefined when everything is sent. */
export type Step =
  | { type: 'read the log'; rest: Backlog }
  | { type: 'tell to pull'; sinceMs: number }
  | { type: 'send'; events: readonly LoggedEvent[]; rest: Backlog }

export function nextStep({ queue, behind, missed }: Backlog): Step | undefined {
  // What is committed while the log is read is in the queue, in the log, or in both.
  if (behind) return { type: 'read the log', rest: { queue: [], behind: false, missed } }
  if (missed) return { type: 'tell to pull', sinceMs: missed.atMs }
  if (queue.length === 0) return undefined
  const rest = { queue: queue.slice(maxBatch), behind, missed }
  return { type: 'send', events: queue.slice(0, maxBatch), rest }
}
